from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from accounts.access import Access
from accounts.models import Person
from monitoring.errors.models import Rejudgement, RuleChange
from monitoring.health.models import Health, Transition
from monitoring.outcomes.models import Outcome
from monitoring.replay import claims, rejudging
from monitoring.replay.claims import Claim, back_test_claim
from monitoring.replay.models import BackTest, State
from monitoring.replay.tests_of_rules import back_test_stop, history_rejudge_ask
from monitoring.replay.working import back_tests_work, work
from tests.factories import NOW
from tests.monitoring.errors.makers import make_access, make_live, make_staff
from tests.monitoring.incidents.makers import make_reported
from tests.monitoring.intake.makers import record
from tests.monitoring.replay.makers import LOCKED, UNLOCK, make_history

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("at_now")]

HOUR = timedelta(hours=1)


def wrong_rule(access: Access, **overrides: Any) -> RuleChange:
    """A rule that says of a temporary error that a person must act, live before all runs."""
    before = NOW - timedelta(days=20)
    options = {"rule": "row-to-unlock", "definition": UNLOCK, "now": before}
    return make_live(access, **options | overrides)


def corrected(access: Access, **overrides: Any) -> RuleChange:
    """The wrong rule is taken away again."""
    options = {"rule": "row-to-unlock", "definition": None, "now": NOW - HOUR}
    return make_live(access, **options | overrides)


def rejudged(access: Access, change: RuleChange) -> BackTest:
    run = history_rejudge_ask(access=access, change=change, now=NOW)
    back_tests_work()
    return BackTest.objects.get(pk=run.pk)


def health_of(person: Person) -> Health:
    return Health.objects.get(person=person)


def test_who_was_stalled_by_a_wrong_rule_waits_for_a_retry_and_the_change_says_why() -> None:
    access = make_access()
    wrong_rule(access)
    person, well = make_history(access.organization, LOCKED, None)
    before = health_of(person)
    assert (before.status, before.cause) == ("stalled", "row-to-unlock")
    change = corrected(access)
    run = rejudged(access, change)
    assert (run.state, run.error) == (State.DONE, "")

    health = health_of(person)
    assert (health.status, health.cause) == ("degraded", "salesforce-record-busy")
    assert (health.status_since, health.confirmed_at) == (NOW, None)
    assert health.rules_version == change.version
    newest = Transition.objects.filter(person=person).order_by("-id")[0]
    assert (newest.at, newest.from_status, newest.from_cause) == (NOW, "stalled", "row-to-unlock")
    assert (newest.to_status, newest.to_cause) == ("degraded", "salesforce-record-busy")
    assert newest.rules_version == change.version
    assert health_of(well).status == "healthy"


def test_the_old_verdict_stays_and_the_new_one_is_added() -> None:
    access = make_access()
    wrong_rule(access)
    (person,) = make_history(access.organization, LOCKED)
    log = list(Outcome.objects.of_person(person.pk).order_by("attempt_id").values())
    change = corrected(access)
    run = rejudged(access, change)
    assert list(Outcome.objects.of_person(person.pk).order_by("attempt_id").values()) == log
    rows = Rejudgement.objects.filter(person=person)
    assert {each.attempt_id for each in rows} == {each["attempt_id"] for each in log}
    assert {(each.at, each.rule, each.rules_version) for each in rows} == {
        (NOW, "salesforce-record-busy", change.version)
    }
    result = run.result
    assert (result["outcomes"], result["outcomes_changed"], result["people_moved"]) == (12, 12, 1)
    (shift,) = result["breakdown"]
    assert (shift["from_rule"], shift["to_rule"]) == ("row-to-unlock", "salesforce-record-busy")
    (moved,) = result["moved"]
    assert (moved["person"], moved["spans"][0]["to_status"]) == (person.pk, "degraded")


def test_judging_again_what_was_judged_again_does_nothing() -> None:
    access = make_access()
    wrong_rule(access)
    (person,) = make_history(access.organization, LOCKED)
    change = corrected(access)
    rejudged(access, change)
    before, transitions = health_of(person), Transition.objects.count()
    again = rejudged(access, change)
    assert Rejudgement.objects.count() == 12
    assert (again.result["outcomes_changed"], again.result["people_moved"]) == (0, 0)
    assert Transition.objects.count() == transitions
    assert Health.objects.filter(person=person).values().get() == {
        field.attname: getattr(before, field.attname) for field in Health._meta.fields
    }


def test_a_run_cut_off_anywhere_goes_on_and_doubles_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    access = make_access()
    wrong_rule(access)
    people = make_history(access.organization, LOCKED, None, LOCKED, LOCKED)
    run = history_rejudge_ask(access=access, change=corrected(access), now=NOW)
    monkeypatch.setattr(rejudging, "PEOPLE_AT_ONCE", 1)
    folded = rejudging.health_follow
    calls: list[int] = []

    def breaks_now_and_then(*values: Any) -> Any:
        calls.append(1)
        if len(calls) in {1, 3}:
            raise KeyboardInterrupt
        return folded(*values)

    monkeypatch.setattr(rejudging, "health_follow", breaks_now_and_then)
    for _ in range(3):
        BackTest.objects.filter(state=State.RUNNING).update(state=State.QUEUED, token=None)
        claimed = back_test_claim(now=NOW)
        assert claimed is not None
        try:
            work(Claim(claimed), lambda: True)
        except KeyboardInterrupt:
            continue
    stored = BackTest.objects.get(pk=run.pk)
    assert stored.state == State.DONE
    assert (stored.done, stored.total) == (36, 36)
    assert (stored.result["outcomes_changed"], stored.result["people_moved"]) == (36, 3)
    assert Rejudgement.objects.count() == 36
    assert len({moved["person"] for moved in stored.result["moved"]}) == 3
    assert {health_of(person).status for person in people} == {"degraded", "healthy"}


def test_others_get_their_turn_between_two_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    access = make_access()
    wrong_rule(access)
    make_history(access.organization, LOCKED, LOCKED)
    run = history_rejudge_ask(access=access, change=corrected(access), now=NOW)
    claimed = back_test_claim(now=NOW)
    assert claimed is not None
    work(Claim(claimed), lambda: False)
    assert BackTest.objects.get(pk=run.pk).state == State.QUEUED
    back_tests_work()
    assert BackTest.objects.get(pk=run.pk).state == State.DONE


def test_what_was_done_before_a_stop_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    access = make_access()
    wrong_rule(access)
    make_history(access.organization, LOCKED, LOCKED)
    run = history_rejudge_ask(access=access, change=corrected(access), now=NOW)
    monkeypatch.setattr(rejudging, "PEOPLE_AT_ONCE", 1)
    people_rejudge = rejudging.people_rejudge

    def stopping(*values: Any) -> None:
        people_rejudge(*values)
        back_test_stop(access=access, back_test=run, now=NOW)

    monkeypatch.setattr(rejudging, "people_rejudge", stopping)
    back_tests_work()
    assert BackTest.objects.get(pk=run.pk).state == State.STOPPED
    assert Rejudgement.objects.count() == 12


def test_nothing_of_another_organization_is_judged_again() -> None:
    access, other = make_access(), make_access()
    for each in (access, other):
        wrong_rule(each)
    make_history(access.organization, LOCKED)
    (theirs,) = make_history(other.organization, LOCKED)
    corrected(other)
    rejudged(access, corrected(access))
    assert set(Rejudgement.objects.values_list("organization", flat=True)) == {
        access.organization.pk
    }
    assert health_of(theirs).status == "stalled"


def test_rules_for_everybody_are_judged_again_in_every_organization() -> None:
    staff = make_staff()
    wrong_rule(staff, organization=None)
    one, other = make_access(), make_access()
    make_history(one.organization, LOCKED, None)
    make_history(other.organization, LOCKED)
    run = rejudged(staff, corrected(staff, organization=None))
    result = run.result
    assert (result["outcomes"], result["outcomes_changed"], result["people"]) == (24, 24, 3)
    assert [each["organization"] for each in result["organizations"]] == [
        other.organization.pk,
        one.organization.pk,
    ]


def test_an_outcome_that_comes_late_is_folded_by_the_newest_verdicts() -> None:
    access = make_access()
    wrong_rule(access)
    (person,) = make_history(access.organization, LOCKED)
    rejudged(access, corrected(access))
    record([make_reported(person, NOW - timedelta(hours=5), LOCKED)])
    health = health_of(person)
    assert (health.status, health.cause) == ("degraded", "salesforce-record-busy")
    assert (health.confirmed_at, len(health.recent)) == (None, 13)


def test_a_corrected_rule_that_asks_a_person_stalls_them_from_now_on() -> None:
    access = make_access()
    (person,) = make_history(access.organization, LOCKED)
    assert health_of(person).status == "degraded"
    rejudged(access, wrong_rule(access, now=NOW - HOUR))
    health = health_of(person)
    assert (health.status, health.cause, health.status_since) == ("stalled", "row-to-unlock", NOW)
    assert health.confirmed_at is not None


def test_a_piece_is_judged_before_its_transaction_and_a_stop_then_leaves_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    access = make_access()
    wrong_rule(access)
    (person,) = make_history(access.organization, LOCKED)
    run = history_rejudge_ask(access=access, change=corrected(access), now=NOW)
    outcomes_read, outside, depths = rejudging.outcomes_read, len(connection.savepoint_ids), []

    def stopped_meanwhile(*values: Any, **options: Any) -> Any:
        depths.append(len(connection.savepoint_ids))
        back_test_stop(access=access, back_test=run, now=NOW)
        return outcomes_read(*values, **options)

    monkeypatch.setattr(rejudging, "outcomes_read", stopped_meanwhile)
    back_tests_work()
    assert depths == [outside]
    assert BackTest.objects.get(pk=run.pk).state == State.STOPPED
    assert not Rejudgement.objects.exists()
    assert health_of(person).status == "stalled"


def test_a_run_shows_that_it_lives_within_a_piece(monkeypatch: pytest.MonkeyPatch) -> None:
    access = make_access()
    wrong_rule(access)
    make_history(access.organization, LOCKED)
    run = history_rejudge_ask(access=access, change=corrected(access), now=NOW)
    monkeypatch.setattr(rejudging, "STEP", 5)
    monkeypatch.setattr(claims, "BEAT", 0.0)
    beat, shown = Claim.beat, []

    def seen(claim: Claim) -> None:
        beat(claim)
        shown.append(BackTest.objects.get(pk=run.pk).done)

    monkeypatch.setattr(Claim, "beat", seen)
    back_tests_work()
    assert shown == [0, 5, 10, 12]
    assert BackTest.objects.get(pk=run.pk).done == 12


def test_a_piece_has_fewer_people_where_they_have_more_outcomes() -> None:
    assert rejudging.people_at_once(5_000, 0) == 100
    assert rejudging.people_at_once(5_000, 1_000_000) == 100
    assert rejudging.people_at_once(5_000, 10_000_000) == 10
    assert rejudging.people_at_once(1, 10_000_000) == 1


def test_health_made_meanwhile_has_no_before_and_is_passed_over(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    access = make_access()
    wrong_rule(access)
    person, late = make_history(access.organization, LOCKED, LOCKED)
    stored = Health.objects.filter(person=late).values().get()
    Health.objects.filter(person=late).delete()
    change = corrected(access)
    fold_anew = rejudging.health_fold_anew

    def made_meanwhile(*values: Any, **options: Any) -> Any:
        Health.objects.create(**stored)
        return fold_anew(*values, **options)

    monkeypatch.setattr(rejudging, "health_fold_anew", made_meanwhile)
    run = rejudged(access, change)
    assert (run.state, run.error) == (State.DONE, "")
    assert [moved["person"] for moved in run.result["moved"]] == [person.pk]
    assert health_of(late).status == "degraded"


def test_what_health_was_before_is_read_under_lock() -> None:
    access = make_access()
    (person,) = make_history(access.organization, LOCKED)
    with transaction.atomic(), CaptureQueriesContext(connection) as queries:
        rejudging.health_follow({person.pk: NOW - HOUR}, NOW)
    first = queries.captured_queries[0]["sql"]
    assert "ORDER BY 1 ASC FOR UPDATE" in first
