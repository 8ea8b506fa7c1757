"""Asking for back-tests and for history to be judged again, and stopping them."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from accounts.access import Access
from monitoring.audit.log import audit_entry_write
from monitoring.errors.changes import (
    RuleChangeRefusedError,
    refuse_unless,
    require_level,
    rule_change_test_begin,
)
from monitoring.errors.models import RuleChange, RuleState
from monitoring.replay.claims import ring_back_tests
from monitoring.replay.models import UNDER_WAY, BackTest, Kind, State

__all__ = ["RuleChangeRefusedError", "back_test_ask", "back_test_stop", "history_rejudge_ask"]


@transaction.atomic
def back_test_ask(*, access: Access, change: RuleChange, now: datetime) -> BackTest:
    """Ask for a test of a change on the outcomes of the last 30 days; return it, queued.

    One that waits or runs is returned as it is. What an earlier test found counts no more, whatever
    becomes of this one. Raises PermissionDenied for who may not change rules of that level, and
    RuleChangeRefusedError for a change that is live or withdrawn.
    """
    change = rule_change_test_begin(access=access, change=change)
    return asked_for(access, change, Kind.TEST, "rule.test", now)


@transaction.atomic
def history_rejudge_ask(*, access: Access, change: RuleChange, now: datetime) -> BackTest:
    """Ask for the outcomes of the last 30 days to be judged again by the rules now in force.

    For a change that is live; the old verdicts stay, and health is folded anew. One that waits or
    runs is returned as it is. Raises PermissionDenied, and RuleChangeRefusedError for a change
    that is not live.
    """
    change = locked(access, change)
    refuse_unless(change, RuleState.LIVE)
    return asked_for(access, change, Kind.REJUDGE, "rule.rejudge", now)


@transaction.atomic
def back_test_stop(*, access: Access, back_test: BackTest, now: datetime) -> BackTest:
    """Stop a back-test that waits or runs, and return it; what is over stays as it is.

    Its worker notices within a second or two. What a re-judging has done until then stays. Raises
    PermissionDenied for who may not change rules of that level.
    """
    require_level(access, back_test.organization_id)
    stored = BackTest.objects.select_for_update().get(pk=back_test.pk)
    if not stored.is_under_way:
        return stored
    stored.state, stored.token, stored.finished_at = State.STOPPED, None, now
    stored.save(update_fields=["state", "token", "finished_at"])
    action = "rule.test_stop" if stored.kind == Kind.TEST else "rule.rejudge_stop"
    write_down(access, action, stored, now)
    return stored


def locked(access: Access, change: RuleChange) -> RuleChange:
    """Check permission, and return the change as it is stored; who asks at the same time waits."""
    require_level(access, change.organization_id)
    return RuleChange.objects.select_for_update().get(pk=change.pk)


def asked_for(
    access: Access, change: RuleChange, kind: Kind, action: str, now: datetime
) -> BackTest:
    found = BackTest.objects.filter(change=change, kind=kind, state__in=UNDER_WAY).first()
    if found is not None:
        return found
    made = BackTest.objects.create(
        organization_id=change.organization_id,
        change=change,
        kind=kind,
        asked_by=access.user,
        asked_by_name=access.user.email,
        asked_at=now,
    )
    write_down(access, action, made, now)
    ring_back_tests()
    return made


def write_down(access: Access, action: str, back_test: BackTest, now: datetime) -> None:
    """Write the audit entry; one about the operator's rules is the access's organization's."""
    audit_entry_write(
        organization=access.organization,
        action=action,
        now=now,
        author=access.user,
        detail={
            "back_test": back_test.pk,
            "change": back_test.change_id,
            "rule": back_test.of_change.rule,
            "days": back_test.days,
        },
    )
