from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitoring.alerts import item_words as words
from monitoring.alerts.kinds import AlertKind
from monitoring.alerts.plan_facts import Phase
from tests.monitoring.alerts.item_makers import AT, an_end, an_item

END = AT + timedelta(hours=3, minutes=10)


@pytest.mark.parametrize(
    ("facts", "headline"),
    [
        ({}, "5 people stopped syncing: Salesforce session policy"),
        ({"people": 1}, "1 person stopped syncing: Salesforce session policy"),
        (
            {"phase": Phase.GROWN, "people": 1_234},
            "By now 1,234 people stopped syncing: Salesforce session policy",
        ),
        ({"phase": Phase.REMINDER}, "5 people still do not sync: Salesforce session policy"),
        (
            {"phase": Phase.REMINDER, "people": 1},
            "1 person still does not sync: Salesforce session policy",
        ),
        (
            {"phase": Phase.OVER, "ended_at": END},
            "Over after 3 h 10 min: Salesforce session policy, 5 people stopped syncing",
        ),
        (
            {"kind": AlertKind.REAUTHORIZE},
            "5 people must give access again: Salesforce session policy",
        ),
        (
            {"kind": AlertKind.REAUTHORIZE, "phase": Phase.REMINDER},
            "5 people must still give access again: Salesforce session policy",
        ),
        (
            {"kind": AlertKind.REAUTHORIZE, "phase": Phase.GROWN},
            "By now 5 people must give access again: Salesforce session policy",
        ),
        (
            {"kind": AlertKind.REAUTHORIZE, "phase": Phase.OVER, "ended_at": END},
            "Over after 3 h 10 min: Salesforce session policy, 5 people had to give access again",
        ),
        ({"kind": AlertKind.INCIDENT}, "Incident, 5 people hit: Salesforce session policy"),
        (
            {"kind": AlertKind.INCIDENT, "phase": Phase.GROWN},
            "Incident grew to 5 people: Salesforce session policy",
        ),
        (
            {"kind": AlertKind.INCIDENT, "phase": Phase.REMINDER},
            "Incident goes on, 5 people hit: Salesforce session policy",
        ),
        (
            {"kind": AlertKind.INCIDENT, "phase": Phase.OVER, "ended_at": END},
            "Over after 3 h 10 min: Salesforce session policy, 5 people hit",
        ),
        (
            {"kind": AlertKind.INCIDENT, "facts": {"organizations": 12}},
            "Incident in 12 organizations, 5 people hit: Salesforce session policy",
        ),
        ({"kind": AlertKind.COVERAGE, "title": "Only 81 % sync"}, "Only 81 % sync"),
        (
            {"kind": AlertKind.COVERAGE, "title": "Only 81 % sync", "phase": Phase.GROWN},
            "Worse: Only 81 % sync",
        ),
        (
            {"kind": AlertKind.SERVICE, "title": "No worker is at work", "phase": Phase.REMINDER},
            "Still: No worker is at work",
        ),
        (
            {"is_escalated": True},
            "Not acknowledged: Salesforce session policy, 5 people stopped syncing",
        ),
        (
            {"flaps": 3},
            "Flapping, 4th time in a day: Salesforce session policy, 5 people stopped syncing",
        ),
        (
            {"flaps": 20, "is_escalated": True, "kind": AlertKind.INCIDENT, "title": "Overload"},
            "Not acknowledged, flapping, 21st time in a day: Overload, 5 people hit",
        ),
        (
            {"flaps": 3, "phase": Phase.OVER, "ended_at": END},
            "Over after 3 h 10 min: Salesforce session policy, 5 people stopped syncing",
        ),
    ],
)
def test_a_headline_says_it_all(facts: dict[str, Any], headline: str) -> None:
    assert words.headline(an_item(**facts)) == headline


@pytest.mark.parametrize("kind", AlertKind)
@pytest.mark.parametrize("phase", Phase)
def test_every_kind_and_phase_has_a_headline_of_its_cause(kind: AlertKind, phase: Phase) -> None:
    item = an_item(kind=kind, phase=phase, ended_at=END if phase == Phase.OVER else None)
    assert "Salesforce session policy" in words.headline(item)
    assert words.headline(item).count(":") <= 1
    assert words.button_words(item)
    assert words.outcome(item).endswith(".")


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0, "under a minute"),
        (59, "under a minute"),
        (60, "1 min"),
        (3_599, "59 min"),
        (3_600, "1 h"),
        (11_400, "3 h 10 min"),
        (86_400, "1 day"),
        (86_400 + 60, "1 day"),
        (2 * 86_400 + 4 * 3_600 + 59, "2 days 4 h"),
    ],
)
def test_a_length_is_said_in_its_two_largest_units(seconds: int, said: str) -> None:
    assert words.length(AT, AT + timedelta(seconds=seconds)) == said


@given(st.integers(0, 10**9))
def test_a_length_never_says_more_than_there_was(seconds: int) -> None:
    said = words.length(AT, AT + timedelta(seconds=seconds)).split()
    units = {"day": 86_400, "days": 86_400, "h": 3_600, "min": 60}
    if said[0] != "under":
        told = sum(int(n) * units[u] for n, u in zip(said[::2], said[1::2], strict=True))
        assert 0 <= seconds - told < 3_600 + 60


@pytest.mark.parametrize(
    ("number", "said"), [(1, "1st"), (2, "2nd"), (3, "3rd"), (4, "4th"), (11, "11th"), (22, "22nd")]
)
def test_ordinals(number: int, said: str) -> None:
    assert words.ordinal(number) == said


def test_who_is_told_by_name_and_the_others_by_number() -> None:
    assert words.whom(an_item()) == "Ada Lovelace, Ben Moss, Eve Stone and 2 more"
    assert words.whom(an_item(people=3)) == "Ada Lovelace, Ben Moss, Eve Stone"
    assert words.whom(an_item(names=tuple("ABCDEFG"), people=7)) == "A, B, C, D, E and 2 more"
    # Fewer by now than could be named when it was asked.
    assert words.whom(an_item(people=2)) == "Ada Lovelace, Ben Moss, Eve Stone"
    assert words.whom(an_item(names=())) == ""


def test_across_organizations_they_are_named_instead_of_people() -> None:
    facts = {"organizations": 12}
    item = an_item(kind=AlertKind.INCIDENT, organization_slug="", names=("Acme",), facts=facts)
    assert words.whom(item) == "Acme and 11 more"


def test_the_consequence_is_told_where_it_was_measured() -> None:
    since = "2026-11-26 11:05 (Europe/Berlin)"
    alone = f"New meetings have not reached Salesforce since {since}."
    assert words.consequence(an_item(people=1), since) == alone
    several = f"New meetings have not reached Salesforce, for some since {since}."
    assert words.consequence(an_item(), since) == several
    assert words.consequence(an_item(), "") == ""
    assert words.consequence(an_end(), since) == ""
    assert words.consequence(an_item(kind=AlertKind.COVERAGE), since) == ""


def test_what_flaps_is_told_to_and_what_was_not_acknowledged() -> None:
    assert "come and gone 3 times within a day" in words.flapping_sentence(an_item(flaps=3))
    assert words.flapping_sentence(an_item(flaps=2)) == ""
    assert words.escalation(an_item()) == ""
    assert "nobody has acknowledged it" in words.escalation(an_item(is_escalated=True))


def test_the_button_says_whom_one_sees() -> None:
    assert words.button_words(an_item()) == "See who has this now (5 when this was sent)"
    assert words.button_words(an_item(people=1, is_one=True)) == "See this person"
    several = "See who has this now (1 when this was sent)"
    assert words.button_words(an_item(people=1)) == several
    assert words.button_words(an_item(kind=AlertKind.INCIDENT)) == "Open the incident"
    across = an_item(kind=AlertKind.INCIDENT, organization_slug="")
    assert words.button_words(across) == "See incidents across organizations"
    assert words.button_words(an_end()) == "Open in the console"
    coverage = an_item(kind=AlertKind.COVERAGE, facts={"delayed": 3, "off": 3})
    assert words.button_words(coverage) == "See who is delayed"
    mostly_off = an_item(kind=AlertKind.COVERAGE, facts={"delayed": 3, "off": 4})
    assert words.button_words(mostly_off) == "See who is off"
