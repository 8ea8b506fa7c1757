from __future__ import annotations

from datetime import UTC, datetime, time
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitoring.alerts.hours import EVERY_DAY, Hours
from monitoring.alerts.kinds import AlertKind, Severity
from monitoring.alerts.routing import CHOSEN, OF_ORGANIZATIONS, SUPPORT, RouteFacts
from monitoring.console import route_words as words

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
WORST = frozenset({AlertKind.INCIDENT})
OF_ALL = frozenset({AlertKind.COVERAGE, AlertKind.UNRECOGNISED, AlertKind.RULE_CHANGE})
MIXED = WORST | OF_ALL


@pytest.mark.parametrize(
    ("route", "names", "said"),
    [
        (RouteFacts(""), [], "Owners and admins are told of everything."),
        (
            RouteFacts("", audience=SUPPORT, kinds=WORST, least=Severity.CRITICAL),
            [],
            "Support staff are told of incidents, when critical.",
        ),
        (
            RouteFacts("", audience=CHOSEN, after=1_800),
            ["Support on call (Slack)"],
            (
                "If nobody acknowledges within 30 min of the first message, "
                "Support on call (Slack) is told of everything."
            ),
        ),
        (
            RouteFacts("", after=86_400, least=Severity.WARNING),
            [],
            (
                "If nobody acknowledges within 1 day of the first message, owners and admins are "
                "told of all warnings and critical alerts."
            ),
        ),
        (
            RouteFacts("", audience=CHOSEN, teams=frozenset({"Sales", "Research"})),
            ["Ada", "Ben", "Eve", "Kim", "Lee"],
            (
                "Ada, Ben, Eve and 2 others are told of everything about people, for the teams "
                "Research and Sales."
            ),
        ),
        (
            RouteFacts("", audience=CHOSEN, kinds=MIXED, teams=frozenset({"Sales"})),
            ["Ada"],
            "Ada is told of incidents, for the team Sales.",
        ),
        (
            RouteFacts("", audience=CHOSEN, kinds=OF_ALL, teams=frozenset({"Sales"})),
            ["Ada"],
            "Ada is told of nothing, as such alerts are of no team.",
        ),
        (
            RouteFacts("", audience=CHOSEN, kinds=WORST, least=Severity.WARNING),
            [],
            "Nobody is told of incidents, from warnings up.",
        ),
    ],
)
def test_a_route_reads_as_a_sentence(route: RouteFacts, names: list[str], said: str) -> None:
    assert words.route_sentence(route, names) == said


@given(st.integers(1, 10_000).map(lambda minutes: 60 * minutes))
def test_a_delay_is_said_exactly(seconds: int) -> None:
    said = words.delay(seconds).split()
    units = {"min": 60, "h": 3_600, "day": 86_400, "days": 86_400}
    assert seconds == sum(int(n) * units[u] for n, u in zip(said[::2], said[1::2], strict=True))


@given(st.sets(st.integers(1, 7), min_size=1))
def test_days_can_be_read_back(days: set[int]) -> None:
    said = words.days_words(days)
    if " to " in said:
        first, last = (words.DAYS.index(name) for name in said.split(" to "))
        assert days == set(range(first + 1, last + 2))
    elif said:
        assert days == {words.DAYS.index(name) + 1 for name in said.split(", ")}
    else:
        assert days == EVERY_DAY


def test_hours_are_said_with_their_zone() -> None:
    assert words.hours_words(Hours()) == "At any time"
    hours = Hours(ZoneInfo("Europe/Berlin"), time(22), time(7), frozenset({1, 2, 3}), False)
    said = "Mon to Wed, quiet 22:00 to 07:00 (Europe/Berlin), critical ones wait too"
    assert words.hours_words(hours) == said


@pytest.mark.parametrize(
    ("hours", "said"),
    [
        (Hours(), ""),
        (Hours(quiet_from=time(10), quiet_until=time(13)), "only critical ones now"),
        (Hours(days=frozenset({6, 7}), urgent_always=False), "nothing now"),
    ],
)
def test_who_is_not_told_now_is_said(hours: Hours, said: str) -> None:
    assert words.asleep(hours, NOW) == said


def test_what_is_untold_is_said_by_severity_the_gravest_first() -> None:
    everything = [(kind, severity) for kind, some in OF_ORGANIZATIONS.items() for severity in some]
    critical, warnings, notices = words.untold_sentences(everything)
    assert critical == "Nobody is told of critical alerts: incidents and fewer people syncing."
    assert warnings.startswith("Nobody is told of warnings: people who stopped syncing")
    assert "errors no rule knows" in notices
    assert words.untold_sentences([]) == []


def test_the_title_says_the_worst_first() -> None:
    built_in = [RouteFacts("Owners and admins")]
    assert words.routes_title(built_in, is_critical=True).startswith("Nobody is told")
    said = "Owners and admins are told of everything"
    assert words.routes_title(built_in, is_critical=False) == said
    assert words.routes_title([RouteFacts("x", id=3)], is_critical=False) == (
        "1 route says who is told"
    )
