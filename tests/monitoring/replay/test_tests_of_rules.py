from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.core.exceptions import PermissionDenied
from django.db import IntegrityError, transaction
from django_q.models import OrmQ
from pytest_django import DjangoCaptureOnCommitCallbacks

from accounts.models import Role
from monitoring.audit.models import AuditEntry
from monitoring.errors.changes import rule_change_go_live, rule_change_withdraw
from monitoring.errors.proposals import RuleChangeRefusedError
from monitoring.jobs.tick import ring_doorbells
from monitoring.replay import claims
from monitoring.replay.models import BackTest, Kind, State
from monitoring.replay.tests_of_rules import back_test_ask, back_test_stop, history_rejudge_ask
from tests.factories import NOW
from tests.monitoring.errors.makers import make_access, make_live, make_staff, passed
from tests.monitoring.jobs.makers import database_now
from tests.monitoring.replay.makers import UNLOCK, ask_for_test, propose_unlock

pytestmark = pytest.mark.django_db


def test_a_test_is_asked_for_and_written_down() -> None:
    access = make_access()
    run = ask_for_test(access)
    assert (run.kind, run.state, run.days) == (Kind.TEST, State.QUEUED, 30)
    assert (run.organization, run.asked_by_name) == (access.organization, access.user.email)
    entry = AuditEntry.objects.get(action="rule.test")
    assert entry.detail == {
        "back_test": run.pk,
        "change": run.change_id,
        "rule": "row-to-unlock",
        "days": 30,
    }


def test_one_under_way_is_returned_as_it_is() -> None:
    access = make_access()
    run = ask_for_test(access)
    assert ask_for_test(access, change=run.change) == run
    assert AuditEntry.objects.filter(action="rule.test").count() == 1
    back_test_stop(access=access, back_test=run, now=NOW)
    assert ask_for_test(access, change=run.change) != run


def test_the_database_refuses_two_of_a_change_at_once() -> None:
    run = ask_for_test(make_access())
    run.pk = None
    with pytest.raises(IntegrityError, match="back_test_under_way_once"), transaction.atomic():
        run.save(force_insert=True)


def test_asking_rings_for_a_worker(
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        ask_for_test(make_access())
    assert [task.task["func"] for task in OrmQ.objects.all()] == [claims.WORK]
    assert OrmQ.objects.get().task["timeout"] == claims.WORK_TIMEOUT


def test_the_tick_rings_again_for_what_nobody_is_at(
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    def rung() -> int:
        OrmQ.objects.all().delete()
        with django_capture_on_commit_callbacks(execute=True):
            ring_doorbells()
        return OrmQ.objects.count()

    assert rung() == 0
    with django_capture_on_commit_callbacks(execute=True):
        run = ask_for_test(make_access())
    assert rung() == 1
    stored = BackTest.objects.filter(pk=run.pk)
    stored.update(state=State.RUNNING, token=uuid4(), beat_at=database_now())
    assert rung() == 0
    stored.update(beat_at=database_now() - timedelta(seconds=61))
    assert rung() == 1


@pytest.mark.parametrize("ask", [back_test_ask, history_rejudge_ask])
def test_who_may_only_look_or_belongs_elsewhere_is_refused(ask: Any) -> None:
    access = make_access()
    change = propose_unlock(access)
    for other in (make_access(access.organization, role=Role.VIEWER), make_access()):
        with pytest.raises(PermissionDenied):
            ask(access=other, change=change, now=NOW)
    assert not BackTest.objects.exists()


def test_rules_for_everybody_are_tested_by_the_operators_staff_only() -> None:
    staff = make_staff()
    change = propose_unlock(staff, organization=None)
    with pytest.raises(PermissionDenied):
        back_test_ask(access=make_access(), change=change, now=NOW)
    run = back_test_ask(access=staff, change=change, now=NOW)
    assert run.organization is None
    with pytest.raises(PermissionDenied):
        back_test_stop(access=make_access(), back_test=run, now=NOW)


def test_what_is_live_or_withdrawn_is_tested_no_more() -> None:
    access = make_access()
    live = make_live(access, rule="row-to-unlock", definition=UNLOCK)
    with pytest.raises(RuleChangeRefusedError, match="is live already"):
        back_test_ask(access=access, change=live, now=NOW)
    withdrawn = propose_unlock(access, definition=UNLOCK | {"title": "Another"})
    rule_change_withdraw(access=access, change=withdrawn, now=NOW)
    with pytest.raises(RuleChangeRefusedError, match="was withdrawn"):
        back_test_ask(access=access, change=withdrawn, now=NOW)


def test_history_is_judged_again_for_a_change_that_is_live_only() -> None:
    access = make_access()
    with pytest.raises(RuleChangeRefusedError, match="not been asked to go live"):
        history_rejudge_ask(access=access, change=propose_unlock(access), now=NOW)
    live = make_live(access, rule="row-to-unlock", definition=UNLOCK)
    run = history_rejudge_ask(access=access, change=live, now=NOW)
    assert (run.kind, run.state) == (Kind.REJUDGE, State.QUEUED)
    assert history_rejudge_ask(access=access, change=live, now=NOW) == run
    assert AuditEntry.objects.filter(action="rule.rejudge").count() == 1


def test_one_that_waits_is_stopped_at_once_and_what_is_over_stays() -> None:
    access = make_access()
    run = back_test_stop(access=access, back_test=ask_for_test(access), now=NOW)
    assert (run.state, run.finished_at) == (State.STOPPED, NOW)
    assert AuditEntry.objects.filter(action="rule.test_stop").count() == 1
    again = back_test_stop(access=access, back_test=run, now=NOW + timedelta(hours=1))
    assert again.finished_at == NOW
    assert AuditEntry.objects.filter(action="rule.test_stop").count() == 1


def test_stopping_is_for_who_may_change() -> None:
    access = make_access()
    run = ask_for_test(access)
    for other in (make_access(access.organization, role=Role.VIEWER), make_access()):
        with pytest.raises(PermissionDenied):
            back_test_stop(access=other, back_test=run, now=NOW)


def test_an_admin_sees_their_own_and_staff_also_those_over_everybody() -> None:
    ours, theirs = make_access(), make_access()
    staff = make_staff(ours.organization)
    own, _ = ask_for_test(ours), ask_for_test(theirs)
    everybodys = ask_for_test(staff, organization=None)
    assert list(BackTest.objects.visible_to(ours)) == [own]
    assert set(BackTest.objects.visible_to(staff)) == {own, everybodys}


def test_how_far_it_is_never_says_all_before_it_is_done() -> None:
    assert BackTest(total=0, done=0).percent == 0
    assert BackTest(total=200, done=50).percent == 25
    assert BackTest(total=200, done=900).percent == 99
    assert BackTest(total=200, done=200, state=State.DONE).percent == 100


@pytest.mark.parametrize("ends", [State.STOPPED, State.FAILED])
def test_what_an_earlier_test_found_counts_no_more_once_another_is_asked_for(ends: State) -> None:
    access = make_access()
    change = passed(propose_unlock(access))
    run = ask_for_test(access, change=change)
    change.refresh_from_db()
    assert (change.tested_at, change.tested_against, change.people_moved) == (None, None, None)
    BackTest.objects.filter(pk=run.pk).update(state=ends, finished_at=NOW)
    with pytest.raises(RuleChangeRefusedError, match="Test the change"):
        rule_change_go_live(access=access, change=change, now=NOW)
    passed(change)
    assert rule_change_go_live(access=access, change=change, now=NOW).state == "live"
