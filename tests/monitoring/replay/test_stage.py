from __future__ import annotations

from datetime import timedelta
from itertools import pairwise
from random import Random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from monitoring.alerts.plan_facts import Target
from monitoring.health.fold import JudgedOutcome
from monitoring.replay.notices import Notices
from monitoring.replay.numbers import Numbers
from monitoring.replay.stage import Hour, Stage
from tests.factories import NOW
from tests.monitoring.health.makers import failure, judged_at, make_id, outcome

# Ticks every ten minutes, for many examples.
COARSE = Numbers(tick=600)
SIGNATURES = ("salesforce 503", "salesforce 401 session", "google 403", "service - lost")


@st.composite
def days_of_outcomes(draw: st.DrawFn) -> list[tuple[int, JudgedOutcome]]:
    """Draw outcomes of some people over days, a bad stretch more likely than chance."""
    outcomes = []
    moment = NOW
    for number in range(1, draw(st.integers(1, 60))):
        moment += timedelta(seconds=draw(st.sampled_from((10, 60, 300, 2_000, 9_000))))
        drawn = draw(judged_at(moment, number))
        if drawn.result != "success":
            drawn = JudgedOutcome(
                **{name: getattr(drawn, name) for name in FIELDS}
                | {"signature": draw(st.sampled_from(SIGNATURES))}
            )
        outcomes.append((draw(st.integers(1, 12)), drawn))
    return outcomes


FIELDS = [
    "attempt_id",
    "finished_at",
    "result",
    "interpretation",
    "rule",
    "rules_version",
    "retry_after",
]


def played(outcomes: list[tuple[int, JudgedOutcome]]) -> Stage:
    """Return a stage that took in outcomes in their order, and ticked between."""
    stage, next_tick = Stage(numbers=COARSE), NOW
    for person_id, each in outcomes:
        next_tick = stage.pass_time(next_tick, each.finished_at)
        stage.take(person_id, each)
    stage.pass_time(next_tick, next_tick + timedelta(days=2))
    return stage


def stories(stage: Stage) -> dict[int, Any]:
    return {person_id: known.facts for person_id, known in stage.people.known.items()}


@settings(max_examples=25)
@given(days_of_outcomes(), st.randoms(use_true_random=False))
def test_no_outcomes_in_any_order_disable_anybody(
    outcomes: list[tuple[int, JudgedOutcome]], random: Random
) -> None:
    random.shuffle(outcomes)
    stage = played(outcomes)
    assert stage.ever_disabled() == 0
    assert stage.people.statuses["disabled"] == 0
    for known in stage.people.known.values():
        assert known.facts.standing.status != "disabled"
        assert all(change.after.status != "disabled" for change in known.changes)
    assert all(hour.holds == 0 for hour in stage.hours())


@settings(max_examples=25)
@given(days_of_outcomes())
def test_its_counts_are_those_of_its_people(outcomes: list[tuple[int, JudgedOutcome]]) -> None:
    stage = played(outcomes)
    standings = [facts.standing for facts in stories(stage).values()]
    for status in ("healthy", "degraded", "stalled"):
        told = stage.people.statuses[status]
        assert told == sum(standing.status == status for standing in standings)
    stalled = {
        person_id: facts.standing.cause
        for person_id, facts in stories(stage).items()
        if facts.standing.status == "stalled"
    }
    assert stage.people.stalled == stalled
    assert stage.people.causes.total() == len(stalled)
    assert stage.people.intervals.total() == len(standings)


@settings(max_examples=25)
@given(days_of_outcomes())
def test_at_most_one_incident_a_provider_is_open_and_each_message_goes_once(
    outcomes: list[tuple[int, JudgedOutcome]],
) -> None:
    stage = played(outcomes)
    open_now = [incident.provider for incident in stage.watch.open]
    assert len(open_now) == len(set(open_now))
    keys = [sent.message.key for sent in stage.sent]
    assert len(keys) == len(set(keys))
    for incident in stage.incidents:
        assert incident.began_at <= incident.opened_at
        assert incident.waiting <= incident.everybody


@settings(max_examples=25)
@given(days_of_outcomes())
def test_leaving_out_idle_ticks_changes_nothing(
    outcomes: list[tuple[int, JudgedOutcome]],
) -> None:
    fast, slow = Stage(numbers=COARSE), Stage(numbers=COARSE)
    next_tick = fast_tick = NOW
    for person_id, each in outcomes:
        while next_tick <= each.finished_at:
            slow.tick(next_tick)
            next_tick += timedelta(seconds=COARSE.tick)
        fast_tick = fast.pass_time(fast_tick, each.finished_at)
        slow.take(person_id, each)
        fast.take(person_id, each)
    assert stories(fast) == stories(slow)
    assert fast.sent == slow.sent
    assert len(fast.incidents) == len(slow.incidents)


def outage(stage: Stage, people: int, minute: float) -> None:
    for person_id in range(people):
        stage.take(
            person_id,
            failure(minute + person_id / 60, "needs_user", signature="salesforce 500 login"),
        )


def healthy(people: int) -> Stage:
    stage = Stage()
    for person_id in range(people):
        stage.take(person_id, outcome(-60 + person_id / 60))
    return stage


def test_when_an_incident_opens_those_hit_so_far_are_folded_anew() -> None:
    stage = healthy(30)
    outage(stage, 30, 0)
    outage(stage, 30, 6)
    assert stage.people.statuses["stalled"] == 30
    stage.tick(NOW + timedelta(minutes=7))
    (incident,) = stage.incidents
    assert len(incident.everybody) == 30
    assert +stage.people.statuses == {"degraded": 30}
    facts = stories(stage)[3]
    assert (facts.standing.cause, facts.runs.confirmed_at) == ("incident", None)


def test_who_was_confirmed_before_an_incident_is_not_hit_by_it() -> None:
    stage = healthy(30)
    for minute in (-30, -20):
        stage.take(7, failure(minute, "needs_user", "revoked", signature="salesforce 400 grant"))
    outage(stage, 30, 0)
    stage.tick(NOW + timedelta(minutes=2))
    (incident,) = stage.incidents
    assert incident.everybody == set(range(30)) - {7}
    assert stage.people.stalled == {7: "revoked"}


def test_a_canary_is_pulled_forward_but_never_before_the_provider_allows() -> None:
    stage = healthy(30)
    for person_id in range(30):
        wait = 3_600 if person_id < 28 else None
        stage.take(
            person_id,
            failure(person_id / 60, signature="salesforce 503 busy", retry_after=wait),
        )
    now = NOW + timedelta(minutes=2)
    stage.tick(now)
    (incident,) = stage.incidents
    assert incident.canaries == {28, 29}
    assert stage.due(now) == [28, 29]


def test_after_an_incident_those_waiting_are_synced_oldest_gap_first_and_paced() -> None:
    stage = healthy(30)
    outage(stage, 30, 0)
    stage.tick(NOW + timedelta(minutes=2))
    (incident,) = stage.incidents
    for person_id in sorted(incident.canaries):
        stage.take(person_id, outcome(3 + person_id / 60))
    now = NOW + timedelta(minutes=17)
    starts = stage.tick(now)
    assert incident.closed_at == now
    assert [person_id for person_id, _ in starts] == list(range(5, 20))
    gaps = [(b - a).total_seconds() for (_, a), (_, b) in pairwise(starts)]
    assert set(gaps) == {1 / stage.numbers.pace.people_per_second}
    assert stage.due(now) == []
    assert stage.tick(now + timedelta(seconds=30)) == []


def closed_outage() -> Stage:
    """Return a stage whose incident of the 30 people has just closed, 17 minutes after NOW."""
    stage = healthy(30)
    outage(stage, 30, 0)
    stage.tick(NOW + timedelta(minutes=2))
    (incident,) = stage.incidents
    for person_id in sorted(incident.canaries):
        stage.take(person_id, outcome(3 + person_id / 60))
    stage.tick(NOW + timedelta(minutes=17))
    assert not incident.is_open
    return stage


def test_an_incident_that_begins_anew_soon_is_the_same_and_stops_recovering() -> None:
    stage = closed_outage()
    outage(stage, 30, 20)
    starts = stage.tick(NOW + timedelta(minutes=22))
    (incident,) = stage.incidents
    assert (incident.is_open, incident.flaps, starts) == (True, 1, [])
    assert incident.waiting == set(range(30))
    assert stage.watch.opened == 2


def test_who_was_confirmed_between_two_bad_spells_keeps_a_trouble_of_their_own() -> None:
    stage = closed_outage()
    for minute in (18, 24):
        stage.take(20, failure(minute, "needs_user", "revoked", signature="salesforce 400 grant"))
    outage(stage, 20, 26)
    stage.tick(NOW + timedelta(minutes=28))
    (incident,) = stage.incidents
    assert incident.flaps == 1
    assert 20 not in incident.waiting
    assert stage.people.stalled == {20: "revoked"}
    stage.pass_time(NOW + timedelta(minutes=29), NOW + timedelta(minutes=50))
    told = [
        (sent.episode.cause, sent.message.phase)
        for sent in stage.sent
        if sent.episode.kind == "stalled"
    ]
    assert told == [("revoked", "opened")] * 2


def test_an_incident_long_after_another_is_a_new_one() -> None:
    stage = closed_outage()
    stage.pass_time(NOW + timedelta(minutes=18), NOW + timedelta(minutes=60))
    outage(stage, 30, 60)
    stage.tick(NOW + timedelta(minutes=62))
    assert [incident.flaps for incident in stage.incidents] == [0, 0]


def test_an_incident_of_another_provider_is_found_beside_an_open_one() -> None:
    stage = healthy(60)
    outage(stage, 40, 0)
    stage.tick(NOW + timedelta(minutes=1))
    for person_id in range(40, 60):
        stage.take(person_id, failure(1 + person_id / 60, signature="google 503 busy"))
    stage.tick(NOW + timedelta(minutes=3))
    assert [incident.provider for incident in stage.watch.open] == ["salesforce", "google"]
    assert [len(incident.waiting) for incident in stage.watch.open] == [40, 20]


def test_a_late_outcome_is_folded_in_its_place() -> None:
    early, late = failure(0, signature="salesforce 503 busy"), outcome(60)
    in_order, late_first = Stage(), Stage()
    for each in (outcome(-120, attempt_id=make_id(1)), early, late):
        in_order.take(1, each)
    for each in (outcome(-120, attempt_id=make_id(1)), late, early):
        late_first.take(1, each)
    assert stories(in_order)[1].runs == stories(late_first)[1].runs


def test_an_hour_that_brings_nothing_is_still_told() -> None:
    stage = healthy(3)
    stage.pass_time(NOW, NOW + timedelta(hours=5))
    hours = stage.hours()
    assert [hour.start.hour for hour in hours] == [NOW.hour + n for n in range(6)]
    assert all(isinstance(hour, Hour) and hour.runs == 0 for hour in hours[1:])


def test_what_was_told_goes_on_while_an_incident_hits_all_its_people() -> None:
    notices = Notices(1, [Target("admin")], Numbers())
    for minute in range(400):
        counts = {"revoked": 5 if minute < 30 or 120 <= minute < 200 else 0}
        notices.follow(counts if minute < 200 else {}, (), NOW + timedelta(minutes=minute))
    told = [(each.message.phase, each.message.people) for each in notices.sent]
    assert told == [("opened", 5), ("over", 5)]
    assert notices.sent[-1].at == NOW + timedelta(minutes=230)
