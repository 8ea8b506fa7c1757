from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from monitoring.alerts.findings import Finding
from monitoring.alerts.hours import Hours
from monitoring.alerts.kinds import AlertKind, Severity
from monitoring.alerts.plan_facts import Phase, Target
from monitoring.health.fold import JudgedOutcome
from monitoring.replay.notices import Sent, Who
from monitoring.replay.numbers import Numbers
from monitoring.replay.rehearsal import Rehearsal, mails_of
from monitoring.replay.scene import FoundThen, InHand, Part, Quiet, Scene, Time
from tests.factories import NOW
from tests.monitoring.health.makers import failure, outcome
from tests.monitoring.replay.test_stage import COARSE, days_of_outcomes

ADMIN = Target("admin")
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
SIGNATURE = "salesforce 400 grant"


def rehearsal(scene: Scene | None = None, *targets: Target, **overrides: Any) -> Rehearsal:
    fields = {"organization_id": 1, "numbers": Numbers(), "since": NOW - DAY}
    made = {"targets": targets or (ADMIN,), "scene": scene or Scene()} | fields | overrides
    return Rehearsal(**made)


def stalling(played: Rehearsal, *people: int, after: float = 0) -> Rehearsal:
    """Let people's access be revoked, which a second run confirms ten minutes later."""
    for person in people:
        for minute in (after, after + 10):
            bad = failure(minute, "needs_user", "revoked", signature=SIGNATURE)
            played.play(person, replace(bad, finished_at=bad.finished_at + person * HOUR / 3_600))
    played.finish(NOW + 5 * HOUR)
    return played


def outage(played: Rehearsal) -> Rehearsal:
    """Twenty people run well, then fail together."""
    for person in range(20):
        played.play(person, outcome(-60 + person / 60))
    for person in range(20):
        played.play(person, failure(person / 60, signature="salesforce 503 busy"))
    played.finish(NOW + HOUR)
    return played


def told(played: Rehearsal) -> list[tuple[str, str]]:
    return [(str(each.message.recipient), each.message.phase) for each in played.notices.sent]


def test_who_is_stalled_alone_is_told_of_with_who_it_is() -> None:
    played = stalling(rehearsal(), 1, 2)
    (sent,) = played.notices.sent
    assert (sent.message.phase, sent.message.people) == (Phase.OPENED, 2)
    assert sent.who.people == (1, 2)
    assert sent.who.missing_since is not None


def test_what_only_the_person_can_do_is_a_kind_of_its_own() -> None:
    (sent,) = stalling(rehearsal(Scene(asking=frozenset({"revoked"}))), 1).notices.sent
    assert (sent.episode.kind, sent.episode.severity) == (AlertKind.REAUTHORIZE, Severity.NOTICE)


def test_whom_somebody_had_switched_off_is_not_counted() -> None:
    played = stalling(rehearsal(Scene(off={1: (Time(NOW - DAY),)})), 1, 2)
    (sent,) = played.notices.sent
    assert (sent.message.people, sent.who.people) == (1, (2,))


def test_it_begins_with_the_run_that_confirmed_it() -> None:
    (sent,) = stalling(rehearsal(), 1, 2).notices.sent
    assert sent.episode.began_at == NOW + timedelta(minutes=10, seconds=1)


def test_of_whom_somebody_switched_on_again_it_begins_then() -> None:
    off = {1: (Time(NOW - DAY, NOW + HOUR), Time(NOW + DAY))}
    (sent,) = stalling(rehearsal(Scene(off=off)), 1).notices.sent
    assert sent.episode.began_at == NOW + HOUR


def silent(scene: Scene, *others: int) -> Rehearsal:
    """Nothing is heard any more of two people, and before of others, who failed together."""
    played = rehearsal(scene)
    for person in others:
        played.play(person, outcome(-60 + person / 60))
    for person in others:
        played.play(person, failure(person / 60, signature="salesforce 503 busy"))
    for person in (1, 2):
        played.play(person, outcome(30))
    played.finish(NOW + 6 * HOUR)
    return played


def asked_here(played: Rehearsal) -> list[bool]:
    sent = [each for each in played.notices.sent if each.episode.cause == "silent"]
    return [each.finding.facts["runs_here"] for each in sent]


def test_silence_asks_for_a_sync_where_one_who_is_told_of_is_synced_here() -> None:
    assert asked_here(silent(Scene(here=frozenset({1})))) == [True]
    assert asked_here(silent(Scene(here=frozenset({3})))) == [False]
    off = {1: (Time(NOW - DAY),)}
    assert asked_here(silent(Scene(here=frozenset({1}), off=off))) == [False]
    quiet = (Quiet(Time(NOW - DAY), people=frozenset({1})),)
    assert asked_here(silent(Scene(here=frozenset({1}), silences=quiet))) == [False]
    assert asked_here(silent(Scene(here=frozenset({2}), silences=quiet))) == [True]


def test_silence_of_the_silenced_alone_blames_no_other_engine() -> None:
    scene = Scene(here=frozenset({1}), silences=(Quiet(Time(NOW - DAY), people=frozenset({1, 2})),))
    played = rehearsal(scene)
    played.play(1, outcome(0))
    played.play(2, outcome(0))
    played.finish(NOW + 6 * HOUR)
    assert played.notices.sent == []
    assert [each.finding.facts for each in played.notices.kept] == [{"runs_here": True}]


def test_whom_an_incident_hits_makes_no_silence_ours() -> None:
    hit = range(3, 23)
    played = silent(Scene(here=frozenset(hit)), *hit)
    assert AlertKind.INCIDENT in {each.episode.kind for each in played.notices.sent}
    assert asked_here(played) == [False]


def test_a_message_says_how_many_silences_were_in_force() -> None:
    scene = Scene(
        everybody=frozenset(range(1, 10)),
        teams={5: "Desk", 6: "Desk", 7: "Desk"},
        off={9: (Time(NOW - DAY),)},
        silences=(
            Quiet(Time(NOW - DAY), team="Desk"),
            Quiet(Time(NOW - DAY), cause="held"),
            Quiet(Time(NOW - DAY, NOW + DAY), people=frozenset({7, 8})),
            Quiet(Time(NOW - DAY, NOW + HOUR), people=frozenset({2}), is_whole=False),
            Quiet(Time(NOW - DAY, NOW)),
        ),
    )
    (sent,) = stalling(rehearsal(scene), 1).notices.sent
    assert sent.silences == "3 silences are in force, muting alerts about 6 people."
    assert stalling(rehearsal(), 1).notices.sent[0].silences == ""


def test_a_message_says_who_had_it_in_hand() -> None:
    hands = tuple(
        InHand(AlertKind.STALLED, "revoked", "", Time(NOW), at, name)
        for at, name in ((NOW + HOUR / 5, "Ada"), (NOW + HOUR / 4, "Ben"), (NOW + DAY, "Eve"))
    )
    (sent,) = stalling(rehearsal(Scene(in_hand=hands)), 1).notices.sent
    assert sent.in_hand == hands[1]
    (sent,) = stalling(rehearsal(Scene(in_hand=hands[2:])), 1).notices.sent
    assert sent.in_hand is None


def test_an_incident_across_organizations_names_nobody_of_one() -> None:
    finding = Finding(AlertKind.INCIDENT, None, "1", Severity.CRITICAL, 90, began_at=NOW)
    support = Target("support", is_service=True)
    scene = Scene(found=(FoundThen(finding, Time(NOW)),))
    played = outage(rehearsal(scene, ADMIN, service=(support,)))
    whole = [each for each in played.notices.sent if each.message.recipient == "support"]
    assert [each.who for each in whole] == [Who()]


@given(st.lists(st.tuples(st.integers(0, 9), st.none() | st.integers(0, 9))), st.integers(0, 9))
def test_somebody_was_on_again_from_an_end_that_has_come(
    times: list[tuple[int, int | None]], hour: int
) -> None:
    off = tuple(
        Time(NOW + since * HOUR, None if end is None else NOW + end * HOUR) for since, end in times
    )
    now = NOW + hour * HOUR
    found = Scene(off={1: off}).off_until(1, now)
    ends = {time.until for time in off}
    assert found is None or (found in ends and found <= now)
    assert not [end for end in ends if end and end <= now and (found is None or end > found)]


def test_a_route_of_a_team_is_told_of_its_people() -> None:
    scene = Scene(teams={1: "Sales", 2: "Desk"}, is_by_team=True)
    sales = replace(ADMIN, teams=frozenset({"Sales"}))
    (sent,) = stalling(rehearsal(scene, sales), 1, 2).notices.sent
    assert (sent.message.people, sent.who.people) == (1, (1,))


def test_a_silence_keeps_a_beginning_back_until_it_ends() -> None:
    silence = Quiet(Time(NOW - DAY, NOW + 2 * HOUR), cause="revoked", provider="salesforce")
    played = stalling(rehearsal(Scene(silences=(silence,))), 1)
    (sent,) = played.notices.sent
    assert sent.at == NOW + 2 * HOUR
    assert [kept.mute.reason for kept in played.notices.kept] == ["silenced"]


def test_a_silence_of_another_cause_or_team_keeps_nothing_back() -> None:
    for other in ({"cause": "trigger"}, {"team": "Desk"}, {"people": frozenset({2})}):
        silence = Quiet(Time(NOW - DAY), **other)
        played = stalling(rehearsal(Scene(silences=(silence,))), 1)
        assert told(played) == [("admin", "opened")]


def test_what_is_not_urgent_waits_for_the_morning() -> None:
    asleep = Hours(ZoneInfo("UTC"), (NOW - HOUR).time(), (NOW + 3 * HOUR).time())
    (sent,) = stalling(rehearsal(None, replace(ADMIN, hours=asleep)), 1).notices.sent
    assert sent.at == NOW + 3 * HOUR


def test_an_escalation_is_not_told_where_somebody_had_it_in_hand() -> None:
    later = replace(ADMIN, after=3_600)
    assert told(stalling(rehearsal(None, later), 1)) == [("admin", "opened")]
    hand = InHand(AlertKind.STALLED, "revoked", "", Time(NOW), NOW + HOUR / 2)
    assert told(stalling(rehearsal(Scene(in_hand=(hand,)), later), 1)) == []


def test_an_escalation_begins_anew_a_week_after_somebody_had_it_in_hand() -> None:
    hand = InHand(AlertKind.STALLED, "revoked", "", Time(NOW), NOW + HOUR / 2)
    later = replace(ADMIN, after=3_600)
    played = stalling(rehearsal(Scene(in_hand=(hand,)), later), 1)
    played.finish(NOW + 8 * DAY)
    assert [sent.at - NOW for sent in played.notices.sent] == [7 * DAY + 1.5 * HOUR]


def test_support_is_not_told_of_what_was_part_of_a_larger_incident() -> None:
    support = Target("support", is_service=True)
    assert told(outage(rehearsal(None, ADMIN, support))) == [
        ("admin", "opened"),
        ("support", "opened"),
    ]
    part = Part("salesforce", Time(NOW - HOUR), 77, is_part=True)
    played = outage(rehearsal(Scene(incidents=(part,)), ADMIN, support))
    assert told(played) == [("admin", "opened")]
    assert played.notices.sent[0].finding.incident_id == 77


def test_the_services_own_alerts_go_to_its_own_routes() -> None:
    finding = Finding(AlertKind.SERVICE, None, "queue", Severity.CRITICAL, began_at=NOW)
    found = FoundThen(finding, Time(NOW, NOW + HOUR))
    support = Target("support", is_service=True)
    played = rehearsal(Scene(found=(found,)), ADMIN, service=(support,))
    played.finish(NOW + 3 * HOUR)
    assert told(played) == [("support", "opened"), ("support", "over")]
    assert [sent.at - NOW for sent in played.notices.sent] == [HOUR / 4, 1.5 * HOUR]


def test_what_is_due_at_once_to_one_recipient_is_one_mail() -> None:
    played = rehearsal(None, ADMIN, Target("boss"))
    stalling(played, 1)
    (first,) = [each for each in played.notices.sent if each.message.recipient == "admin"]
    other = replace(first, message=replace(first.message, episode="other"))
    bundles = mails_of([first, other, replace(first, at=NOW + DAY)])
    assert [len(bundle) for bundle in bundles.values()] == [2, 1]


def stage_of(outcomes: list[tuple[int, JudgedOutcome]], scene: Scene, *, every: bool) -> list[Sent]:
    """What is sent, with ticks left out that change nothing, or with every one of them."""
    quiet = Hours(ZoneInfo("Europe/Berlin"), NOW.time(), (NOW + 5 * HOUR).time())
    late = Target("boss", after=7_200, hours=quiet)
    played = rehearsal(scene, ADMIN, late, numbers=COARSE, since=NOW)
    if every:
        played._next_change = lambda now: now  # type: ignore[method-assign]
    for person_id, each in outcomes:
        played.play(person_id, each)
    played.finish(NOW + 3 * DAY)
    return played.notices.sent


@settings(max_examples=15)
@given(days_of_outcomes(), st.integers(0, 60), st.integers(1, 40))
def test_leaving_out_idle_ticks_changes_nothing(
    outcomes: list[tuple[int, JudgedOutcome]], begins: int, lasts: int
) -> None:
    since = NOW + begins * HOUR
    scene = Scene(silences=(Quiet(Time(since, since + lasts * HOUR), people=frozenset({1, 2, 3})),))
    assert stage_of(outcomes, scene, every=False) == stage_of(outcomes, scene, every=True)
