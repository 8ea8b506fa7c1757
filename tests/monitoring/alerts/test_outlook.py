from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitoring.alerts.hours import Hours, is_awake
from monitoring.alerts.kinds import AlertKind, Severity
from monitoring.alerts.outlook import (
    Outlook,
    Why,
    awake_from,
    end_outlook,
    first_told,
    is_sooner,
    outlook,
)
from monitoring.alerts.plan import plan_at, told_after
from monitoring.alerts.plan_facts import Episode, Message, Name, Target, Told, Waits

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
WEEK = timedelta(days=7)
WAITS = Waits()
BERLIN = ZoneInfo("Europe/Berlin")


def episode(**overrides: object) -> Episode:
    fields = {"key": 1, "organization_id": 1, "kind": AlertKind.STALLED, "cause": "x", "people": 5}
    return Episode(**fields | {"began_at": NOW - 5 * MINUTE} | overrides)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("facts", "route", "expected"),
    [
        ({}, {}, Outlook(Why.WAITING, NOW + 10 * MINUTE)),
        ({"began_at": NOW - 30 * MINUTE}, {}, Outlook(Why.WAITING, NOW)),
        ({"kind": AlertKind.RULE_CHANGE}, {}, Outlook(Why.WAITING, NOW)),
        ({}, {"after": 3_600}, Outlook(Why.WAITING, NOW + 70 * MINUTE)),
        (
            {"acknowledged_at": NOW},
            {"after": 3_600},
            Outlook(Why.ACKNOWLEDGED, NOW + WEEK + 60 * MINUTE),
        ),
        (
            {"began_at": NOW - 2 * WEEK, "acknowledged_at": NOW - WEEK},
            {"after": 3_600},
            Outlook(Why.WAITING, NOW + 60 * MINUTE),
        ),
        ({"acknowledged_at": NOW}, {}, Outlook(Why.WAITING, NOW + 10 * MINUTE)),
        ({"people": 0, "silenced": 3}, {}, Outlook(Why.SILENCED)),
        ({"flaps": 3}, {}, Outlook(Why.FLAPPING, NOW + 55 * MINUTE)),
        ({"ended_at": NOW}, {}, Outlook(Why.OVER)),
        ({}, {"kinds": frozenset({AlertKind.INCIDENT})}, None),
        ({}, {"least": Severity.CRITICAL}, None),
    ],
)
def test_why_somebody_is_not_told_and_when_they_will_be(
    facts: dict[str, object], route: dict[str, object], expected: Outlook | None
) -> None:
    target = Target(recipient=1, **route)  # type: ignore[arg-type]
    assert outlook(episode(**facts), target, NOW, WAITS) == expected


def test_a_delay_counts_from_when_somebody_was_told() -> None:
    late = Target(recipient=1, after=3_600)
    told_at = NOW - 20 * MINUTE
    known = episode(began_at=NOW - 300 * MINUTE)
    expected = Outlook(Why.WAITING, NOW + 40 * MINUTE)
    assert outlook(known, late, NOW, WAITS, told_at) == expected


def test_quiet_hours_put_it_off_unless_it_is_urgent() -> None:
    hours = Hours(BERLIN, time(12), time(7, 30))
    target = Target(recipient=1, hours=hours)
    tomorrow = datetime(2026, 11, 21, 7, 30, tzinfo=BERLIN)
    assert outlook(episode(), target, NOW, WAITS) == Outlook(Why.QUIET, tomorrow)
    urgent = outlook(episode(severity=Severity.CRITICAL), target, NOW, WAITS)
    assert urgent == Outlook(Why.WAITING, NOW + 10 * MINUTE)


def test_days_off_put_it_off_and_who_works_on_none_is_never_told() -> None:
    # The 20th is a Friday.
    mondays = Hours(BERLIN, days=frozenset({1}))
    monday = datetime(2026, 11, 23, tzinfo=BERLIN)
    target = Target(recipient=1, hours=mondays)
    assert outlook(episode(), target, NOW, WAITS) == Outlook(Why.QUIET, monday)
    never = Target(recipient=1, hours=Hours(days=frozenset()))
    assert outlook(episode(), never, NOW, WAITS) == Outlook(Why.QUIET, None)


def test_a_delay_counts_from_when_one_who_sleeps_wakes_up_if_that_is_before_it_has_passed() -> None:
    hours = Hours(BERLIN, time(12), time(13, 30))
    asleep, late = Target(1, hours=hours), Target(2, after=3_600)
    first_at = first_told(episode(), [asleep, late], NOW, WAITS)
    assert first_at == NOW + 30 * MINUTE
    assert outlook(episode(), late, NOW, WAITS, first_at) == Outlook(Why.WAITING, NOW + 90 * MINUTE)
    tomorrow = NOW + timedelta(days=1)
    assert outlook(episode(), late, NOW, WAITS, tomorrow) == Outlook(Why.WAITING, NOW + 70 * MINUTE)


def test_an_event_is_told_to_whoever_wakes_up_while_it_is_news() -> None:
    event = episode(kind=AlertKind.RULE_CHANGE, began_at=NOW, ended_at=NOW)
    # The 20th is a Friday.
    days = {day: Target(1, hours=Hours(days=frozenset({day}))) for day in (1, 2)}
    monday = datetime(2026, 11, 23, tzinfo=UTC)
    assert outlook(event, days[1], NOW, WAITS) == Outlook(Why.QUIET, monday)
    assert outlook(event, days[2], NOW, WAITS) == Outlook(Why.OVER)


def test_on_days_on_which_clocks_are_changed_the_first_waking_minute_is_found() -> None:
    night = Hours(BERLIN, time(22), time(2, 30))
    # At two it is three o'clock at once; in autumn half past two comes twice.
    assert awake_from(night, datetime(2026, 3, 28, 23, tzinfo=UTC)) == datetime(
        2026, 3, 29, 1, tzinfo=UTC
    )
    assert awake_from(night, datetime(2026, 10, 25, 1, 15, tzinfo=UTC)) == datetime(
        2026, 10, 25, 1, 30, tzinfo=UTC
    )


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ({}, Outlook(Why.WAITING, NOW + 30 * MINUTE)),
        ({"ended_at": NOW - 40 * MINUTE}, Outlook(Why.WAITING, NOW)),
        ({"back_until": NOW + 5 * MINUTE}, Outlook(Why.WAITING, NOW + 35 * MINUTE)),
        ({"is_back": True}, Outlook(Why.BACK)),
        ({"is_back": True, "back_until": NOW}, Outlook(Why.BACK)),
    ],
)
def test_an_end_is_told_when_nothing_like_it_came_back(
    facts: dict[str, object], expected: Outlook
) -> None:
    assert end_outlook(episode(**{"ended_at": NOW} | facts), NOW, WAITS) == expected


CLOCKS = st.none() | st.times()
HOURS = st.builds(
    Hours,
    zone=st.sampled_from([UTC, BERLIN, ZoneInfo("America/New_York"), ZoneInfo("Asia/Kolkata")]),
    quiet_from=CLOCKS,
    quiet_until=CLOCKS,
    days=st.frozensets(st.integers(1, 7)),
)


@given(HOURS, st.integers(0, 366 * 24 * 60))
def test_the_first_waking_time_is_one_and_none_comes_before_it(hours: Hours, minutes: int) -> None:
    moment = NOW + minutes * MINUTE
    found = awake_from(hours, moment)
    if found is None:
        assert not hours.days or not any(
            is_awake(hours, moment + timedelta(minutes=15 * step)) for step in range(4 * 24 * 7)
        )
        return
    assert found >= moment
    assert is_awake(hours, found)
    steps = int((found - moment) / timedelta(minutes=15))
    assert not any(is_awake(hours, moment + timedelta(minutes=15 * step)) for step in range(steps))


QUARTER = timedelta(minutes=15)
DAYS = timedelta(days=5)
QUARTERS = st.builds(time, st.integers(0, 23), st.sampled_from((0, 15, 30, 45)))
DAY_HOURS = st.builds(
    Hours,
    zone=st.sampled_from([UTC, BERLIN]),
    # Most sleep for some of the hours ahead, which are what escalations make a difference by.
    quiet_from=st.none() | st.just(time(11)) | QUARTERS,
    quiet_until=st.builds(time, st.integers(12, 18)) | QUARTERS,
    days=st.sampled_from([frozenset(range(1, 8))] * 3 + [frozenset(range(1, 6)), frozenset()]),
    urgent_always=st.booleans(),
)


@st.composite
def situations(draw: st.DrawFn) -> tuple[Episode, list[Target]]:
    """Draw an episode of which nobody was told yet, and the routes of three recipients."""
    began = NOW - draw(st.integers(0, 20)) * QUARTER
    people = draw(st.sampled_from((0, 4, 4, 4)))
    kind = draw(st.sampled_from(AlertKind))
    known = episode(
        kind=kind,
        began_at=began,
        ended_at=began
        if kind == AlertKind.RULE_CHANGE
        else draw(st.sampled_from((None, None, None, None, NOW))),
        severity=draw(st.sampled_from(Severity)),
        people=people,
        silenced=draw(st.sampled_from((0, 0, 3))),
        is_absorbed=draw(st.booleans()),
        teams=draw(st.sampled_from(({}, {"a": people}))) if people else {},
        flaps=draw(st.sampled_from((0, 0, 3))),
        acknowledged_at=draw(st.sampled_from((None, None, None, NOW, NOW - WEEK + QUARTER))),
        is_part=draw(st.booleans()),
    )
    hours = {recipient: draw(DAY_HOURS) for recipient in range(3)}
    return known, [
        Target(
            recipient,
            route=number,
            kinds=draw(st.sampled_from((*[frozenset()] * 2, frozenset({kind}), frozenset("x")))),
            least=draw(st.sampled_from((*[Severity.NOTICE] * 4, Severity.CRITICAL))),
            teams=draw(st.sampled_from((*[frozenset()] * 4, frozenset("a"), frozenset("b")))),
            after=draw(st.sampled_from((0, 0, 900, 1_800, 3_600, 14_400))),
            hours=hours[recipient],
            is_service=draw(st.booleans()),
        )
        for number in range(draw(st.integers(2, 5)))
        for recipient in [draw(st.sampled_from(sorted(hours)))]
    ]


def expected_of(known: Episode, routes: Sequence[Target], now: datetime) -> dict[Name, Outlook]:
    """What each recipient can expect, by the soonest of their routes."""
    first_at = first_told(known, routes, now, WAITS)
    found: dict[Name, Outlook] = {}
    for each in routes:
        new = outlook(known, each, now, WAITS, first_at)
        if new and (each.recipient not in found or is_sooner(new, found[each.recipient])):
            found[each.recipient] = new
    return found


def told_by_plan(
    known: Episode, routes: Sequence[Target], moments: Sequence[datetime]
) -> list[tuple[datetime, Message]]:
    """What is told at some moments, nothing else changing."""
    told: dict[tuple[Name, Name], Told] = {}
    found = []
    for moment in moments:
        for message in plan_at([known], {1: routes}, told, moment, WAITS).messages:
            place = message.episode, message.recipient
            told[place] = told_after(told.get(place), message, known.weight, moment)
            found.append((moment, message))
    return found


@settings(max_examples=200)
@given(situations())
def test_each_is_told_at_the_time_that_was_foreseen_and_nobody_else_is(
    situation: tuple[Episode, list[Target]],
) -> None:
    known, routes = situation
    foreseen = {name: each.at for name, each in expected_of(known, routes, NOW).items() if each.at}
    moments = {NOW + step * QUARTER for step in range(DAYS // QUARTER)}
    before = {at - MINUTE for at in foreseen.values() if NOW < at < NOW + DAYS}
    told: dict[Name, datetime] = {}
    for moment, message in told_by_plan(known, routes, sorted(moments | before)):
        told.setdefault(message.recipient, moment)
    assert told == {name: at for name, at in foreseen.items() if at < NOW + DAYS}


@given(situations(), st.integers(1, 300))
def test_what_is_foreseen_stays_so_as_time_goes_by(
    situation: tuple[Episode, list[Target]], quarters: int
) -> None:
    known, routes = situation
    later = NOW + quarters * QUARTER
    foreseen = expected_of(known, routes, NOW)
    if any(each.at and each.at < later for each in foreseen.values()):
        return
    again = expected_of(known, routes, later)
    assert {name: each.at for name, each in again.items()} == {
        name: each.at for name, each in foreseen.items()
    }
