from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection, connections, transaction

from accounts.models import Organization
from monitoring.errors.changes import rule_change_go_live, rule_change_withdraw
from monitoring.errors.models import RuleState
from monitoring.errors.rejudging import Rejudged, rejudgements_append
from monitoring.errors.rulebook import level_version
from monitoring.jobs import lifeline
from monitoring.outcomes.models import Outcome
from monitoring.outcomes.partitions import partitions_ensure
from monitoring.replay import claims, history, running
from monitoring.replay.claims import (
    MOST_TAKES,
    Claim,
    RunLostError,
    back_test_claim,
    back_tests_wait,
)
from monitoring.replay.models import BackTest, State
from monitoring.replay.tests_of_rules import back_test_stop
from monitoring.replay.working import back_tests_work, work
from tests.factories import NOW, make_organization
from tests.monitoring.errors.makers import make_access, make_live, make_staff
from tests.monitoring.incidents.makers import make_reported
from tests.monitoring.intake.makers import record
from tests.monitoring.jobs.makers import database_now
from tests.monitoring.replay.makers import (
    INTERPRETER,
    LOCKED,
    UNLOCK,
    ask_for_test,
    make_history,
)

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("at_now")]


def stored(run: BackTest) -> BackTest:
    return BackTest.objects.select_related("change").get(pk=run.pk)


def always() -> bool:
    return True


def test_a_test_is_run_and_its_figures_are_kept_beside_the_change() -> None:
    access = make_access()
    _, _, locked = make_history(access.organization, None, None, LOCKED)
    run = ask_for_test(access)
    back_tests_work()
    run = stored(run)
    assert (run.state, run.error, run.token, run.finished_at) == (State.DONE, "", None, NOW)
    assert (run.done, run.total, run.percent) == (36, 36, 100)
    result = run.result
    assert (result["outcomes"], result["outcomes_changed"]) == (36, 12)
    assert (result["people"], result["people_moved"]) == (3, 1)
    assert [moved["person"] for moved in result["moved"]] == [locked.pk]
    assert [alert["cause"] for alert in result["alerts_added"]] == ["row-to-unlock"]
    assert result["worst_hour"]["people"] == 1
    change = run.change
    assert (change.people, change.people_moved) == (3, 1)
    assert (change.outcomes, change.outcomes_moved) == (36, 12)
    assert (change.tested_at, change.tested_against) == (NOW, level_version(change.organization_id))


def test_a_change_that_moves_a_third_of_the_people_waits_for_a_second_look() -> None:
    access = make_access()
    make_history(access.organization, None, None, LOCKED)
    run = ask_for_test(access)
    back_tests_work()
    change = rule_change_go_live(access=access, change=stored(run).change, now=NOW)
    assert change.state == RuleState.WAITING


def test_a_rule_that_no_outcome_meets_moves_nobody_and_goes_live() -> None:
    access = make_access()
    make_history(access.organization, None, None)
    run = ask_for_test(access)
    back_tests_work()
    assert stored(run).result["outcomes_changed"] == 0
    change = rule_change_go_live(access=access, change=stored(run).change, now=NOW)
    assert change.state == RuleState.LIVE


def test_without_any_outcome_there_is_a_result_too() -> None:
    run = ask_for_test(make_access())
    back_tests_work()
    assert (stored(run).state, stored(run).result["people"]) == (State.DONE, 0)


def test_nothing_to_do_is_nothing_done() -> None:
    back_tests_work()
    assert not BackTest.objects.exists()


def test_outcomes_in_partitions_and_beside_them_are_read_once_each() -> None:
    access = make_access()
    partitions_ensure(NOW, since=NOW - timedelta(days=3))
    (person,) = make_history(access.organization, LOCKED)
    # An id that tells no time, and one of long before the run.
    record([make_reported(person, NOW - timedelta(minutes=9), LOCKED, attempt_id=uuid4())])
    run = ask_for_test(access)
    back_tests_work()
    assert (stored(run).result["outcomes"], stored(run).result["outcomes_changed"]) == (13, 13)


def test_outcomes_of_before_the_days_looked_at_are_left_out() -> None:
    access = make_access()
    make_history(access.organization, LOCKED, days=2)
    run = ask_for_test(access)
    BackTest.objects.filter(pk=run.pk).update(days=1)
    back_tests_work()
    assert stored(run).result["outcomes"] == 12


def test_slices_come_to_the_same_as_one(monkeypatch: pytest.MonkeyPatch) -> None:
    access = make_access()
    make_history(access.organization, None, LOCKED, days=2)
    run = ask_for_test(access)
    back_tests_work()
    monkeypatch.setattr(history, "SLICE", 5)
    again = ask_for_test(access, change=run.change)
    back_tests_work()
    assert stored(again).result == stored(run).result


def test_the_newest_verdict_is_what_a_change_is_compared_with() -> None:
    access = make_access()
    (person,) = make_history(access.organization, LOCKED)
    run = ask_for_test(access)
    verdict = INTERPRETER.interpret(running.read_error('{"provider":"google","channel":"html",'
        '"status":503,"headers":{},"body":"x"}'))  # fmt: skip
    attempts = Outcome.objects.of_person(person.pk).values_list("attempt_id", flat=True)
    rejudgements_append(
        [Rejudged(each, person.organization_id, person.pk, verdict) for each in attempts], now=NOW
    )
    back_tests_work()
    (shift,) = stored(run).result["breakdown"]
    assert (shift["from_class"], shift["from_rule"]) == (verdict.interpretation, verdict.rule_id)


def test_nothing_of_another_organization_is_read() -> None:
    access, other = make_access(), make_access()
    ours = make_history(access.organization, None, LOCKED)
    make_history(other.organization, LOCKED, LOCKED, LOCKED)
    # A row that says it belongs to another organization, for a person of ours: such must not be.
    record([make_reported(ours[0], NOW - timedelta(minutes=5), LOCKED,
        organization_id=other.organization.pk)])  # fmt: skip
    run = ask_for_test(access)
    back_tests_work()
    result = stored(run).result
    assert (result["outcomes"], result["people"], result["outcomes_changed"]) == (24, 2, 12)
    assert [each["organization"] for each in result["organizations"]] == [access.organization.pk]


def test_rules_for_everybody_are_run_in_every_organization_and_the_largest_share_counts() -> None:
    staff = make_staff()
    few, many = make_organization(), make_organization()
    make_history(few, None, LOCKED)
    make_history(many, None, None, None, LOCKED)
    run = ask_for_test(staff, organization=None)
    back_tests_work()
    result, change = stored(run).result, stored(run).change
    assert (result["outcomes"], result["people"], result["people_moved"]) == (72, 6, 2)
    assert [each["organization"] for each in result["organizations"]] == [few.pk, many.pk]
    assert (change.people, change.people_moved) == (2, 1)
    assert (change.outcomes, change.outcomes_moved) == (72, 24)


def test_an_organizations_own_rules_lie_above_the_operators_candidate() -> None:
    staff, access = make_staff(), make_access()
    own = UNLOCK | {"class": "record", "title": "Ours"}
    make_live(access, rule="our-row-lock", definition=own, now=NOW - timedelta(days=3))
    make_history(access.organization, LOCKED)
    run = ask_for_test(staff, organization=None)
    back_tests_work()
    assert stored(run).result["outcomes_changed"] == 0


def test_between_organizations_others_get_their_turn_and_nothing_is_run_twice() -> None:
    staff = make_staff()
    for errors in ((None, LOCKED), (LOCKED,), (None,)):
        make_history(make_organization(), *errors)
    run = ask_for_test(staff, organization=None)
    begun = 0
    while stored(run).state == State.QUEUED:
        begun += 1
        claim = claimed()
        work(claim, lambda: False)
    # The organization of the staff has nobody.
    assert begun == Organization.objects.count()
    result = stored(run).result
    assert (result["outcomes"], result["people"], result["people_moved"]) == (48, 4, 2)
    assert (stored(run).done, stored(run).takes) == (48, 1)


def test_a_test_begun_under_other_rules_begins_anew() -> None:
    staff = make_staff()
    for _ in range(2):
        make_history(make_organization(), LOCKED)
    run = ask_for_test(staff, organization=None)
    work(claimed(), lambda: False)
    other = UNLOCK | {"codes": ["SOMETHING_ELSE"]}
    make_live(staff, rule="another-rule", definition=other, organization=None)
    work(claimed(), always)
    assert stored(run).result["outcomes"] == 24
    change = stored(run).change
    assert change.tested_against == level_version(None)


def claimed() -> Claim:
    run = back_test_claim(now=NOW)
    assert run is not None
    return Claim(run)


def seconds_ago(seconds: float) -> Any:
    return database_now() - timedelta(seconds=seconds)


def test_the_run_of_a_killed_worker_is_taken_up_by_the_next() -> None:
    access = make_access()
    make_history(access.organization, LOCKED)
    run = ask_for_test(access)
    killed = claimed()
    assert back_test_claim(now=NOW) is None
    BackTest.objects.update(beat_at=seconds_ago(61))
    assert back_tests_wait()
    back_tests_work()
    assert (stored(run).state, stored(run).result["outcomes"]) == (State.DONE, 12)
    with pytest.raises(RunLostError):
        killed.beat()


def test_a_worker_that_comes_back_too_late_changes_nothing() -> None:
    access = make_access()
    make_history(access.organization, LOCKED)
    run = ask_for_test(access)
    late = claimed()
    BackTest.objects.update(beat_at=seconds_ago(61))
    successor = claimed()
    work(late, always)
    assert (stored(run).state, stored(run).result) == (State.RUNNING, None)
    assert stored(run).change.tested_at is None
    assert stored(run).token == successor.run.token


def test_a_sign_of_life_keeps_others_away(monkeypatch: pytest.MonkeyPatch) -> None:
    access = make_access()
    make_history(access.organization, LOCKED)
    ask_for_test(access)
    claim = claimed()
    BackTest.objects.update(beat_at=seconds_ago(59))
    monkeypatch.setattr(claim, "next_beat", 0.0)
    claim.add(7)
    assert BackTest.objects.get().done == 7
    assert BackTest.objects.get().beat_at > seconds_ago(30)
    assert not back_tests_wait()


def test_what_kills_every_worker_is_given_up_with_a_sentence() -> None:
    access = make_access()
    run = ask_for_test(access)
    for _ in range(MOST_TAKES):
        claimed()
        BackTest.objects.update(beat_at=seconds_ago(61))
    assert back_test_claim(now=NOW) is None
    assert stored(run).state == State.FAILED
    assert "never came to its end" in stored(run).error


def test_one_runs_at_a_time_and_the_oldest_first() -> None:
    first, second = ask_for_test(make_access()), ask_for_test(make_access())
    claim = claimed()
    assert claim.run == first
    assert back_test_claim(now=NOW) is None
    work(claim, always)
    assert claimed().run == second


def during(monkeypatch: pytest.MonkeyPatch, happens: Callable[[], object]) -> None:
    """Let something happen while a run is reading."""
    read = history.outcomes_read

    def reading(*values: Any, **options: Any) -> Any:
        happens()
        return read(*values, **options)

    monkeypatch.setattr(history, "outcomes_read", reading)
    monkeypatch.setattr(claims, "BEAT", -1.0)


def test_a_run_that_is_stopped_ends_and_leaves_the_change_untested(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    access = make_access()
    make_history(access.organization, LOCKED)
    run = ask_for_test(access)
    during(monkeypatch, lambda: back_test_stop(access=access, back_test=run, now=NOW))
    back_tests_work()
    assert (stored(run).state, stored(run).result) == (State.STOPPED, None)
    assert stored(run).change.tested_at is None


def test_a_worker_that_must_end_hands_its_run_back(monkeypatch: pytest.MonkeyPatch) -> None:
    access = make_access()
    make_history(access.organization, LOCKED)
    run = ask_for_test(access)
    cut: list[bool] = []
    monkeypatch.setattr(lifeline, "is_cut", lambda *_: bool(cut))
    during(monkeypatch, lambda: cut.append(True))
    back_tests_work()
    assert (stored(run).state, stored(run).token, stored(run).takes) == (State.QUEUED, None, 0)
    cut.clear()
    monkeypatch.undo()
    work(claimed(), always)
    assert stored(run).state == State.DONE


def test_a_change_withdrawn_meanwhile_is_said_to_be(monkeypatch: pytest.MonkeyPatch) -> None:
    access = make_access()
    make_history(access.organization, LOCKED)
    run = ask_for_test(access)
    during(monkeypatch, lambda: rule_change_withdraw(access=access, change=run.change, now=NOW))
    back_tests_work()
    assert (stored(run).state, stored(run).error) == (State.FAILED, "This change was withdrawn.")


def test_what_breaks_fails_with_a_sentence_and_the_next_is_run(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    access = make_access()
    make_history(access.organization, LOCKED)
    broken, fine = ask_for_test(access), ask_for_test(make_access())

    def breaks(tester: Any, verdicts: Any, rows: list[Any], claim: Any) -> None:
        if rows:
            raise ZeroDivisionError

    monkeypatch.setattr(running, "take_slice", breaks)
    back_tests_work()
    assert stored(broken).state == State.FAILED
    assert "not your fault" in stored(broken).error
    assert stored(fine).state == State.DONE


@pytest.mark.django_db(transaction=True)
def test_two_workers_never_run_the_same() -> None:
    access = make_access()
    make_history(access.organization, None, LOCKED)
    run = ask_for_test(access)

    def worker(_: int) -> None:
        try:
            back_tests_work()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(worker, range(4)))
    assert (stored(run).state, stored(run).takes) == (State.DONE, 1)


@pytest.mark.django_db(transaction=True)
def test_no_statement_keeps_the_log_for_the_length_of_a_run(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    access = make_access()
    make_history(access.organization, LOCKED)
    run = ask_for_test(access)
    seen: list[int] = []
    take_slice = running.take_slice

    def looking(*values: Any) -> None:
        assert not connection.in_atomic_block
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(
                "SELECT count(*) FROM pg_locks WHERE relation = 'outcomes_outcome'::regclass"
            )
            seen.append(cursor.fetchone()[0])
        take_slice(*values)

    monkeypatch.setattr(running, "take_slice", looking)
    back_tests_work()
    assert stored(run).state == State.DONE
    assert seen == [0]
