"""Changing rules: proposed, tested on what has been, perhaps looked at twice, then live.

All of it is serialised by one lock: changes of rules are rare, and their numbers must come in the
order in which they go live.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.db import connection, transaction
from django.db.models import Max

from accounts.access import Access
from accounts.models import Organization
from monitoring.audit.log import audit_entry_write
from monitoring.errors.inbox import unrecognised_resolve
from monitoring.errors.interpretation import built_in_rules
from monitoring.errors.models import OPEN, RuleChange, RuleState
from monitoring.errors.proposals import RuleChangeRefusedError, checked, checked_reason
from monitoring.errors.rulebook import level_version
from monitoring.errors.versions import version_of

__all__ = [
    "RuleChangeRefusedError",
    "newest_number",
    "rule_change_approve",
    "rule_change_go_live",
    "rule_change_propose",
    "rule_change_test_begin",
    "rule_change_tested",
    "rule_change_withdraw",
]

# Any fixed number will do; it is that of changes of rules among the database's advisory locks.
LOCK = 7_430_126_001
# A test tells of the outcomes there were; a day later there are others.
TEST_HOLDS = timedelta(hours=24)


@transaction.atomic
def rule_change_propose(
    *,
    access: Access,
    organization: Organization | None,
    rule: str,
    definition: Mapping[str, Any] | None,
    reason: str,
    now: datetime,
    began_from: int | None = None,
) -> RuleChange:
    """Make a draft of a rule's change, of the organization's own rules or the operator's (None).

    `definition` has the keys of the rules file; None takes away what this level says of the rule. A
    draft of the same author is withdrawn for it. `began_from` is the `newest_number` of the rule as
    its author began to write, None where that does not matter. Raises PermissionDenied for who may
    not change rules of that level and RuleChangeRefusedError for what can't be proposed.
    """
    organization_id = None if organization is None else organization.pk
    require_level(access, organization_id)
    after, reason = checked(rule, definition), checked_reason(reason)
    take_turn()
    level = RuleChange.objects.at_level(organization_id).of_rule(rule)
    before = level.live().newest_first().values_list("after", flat=True).first()
    if began_from not in {None, newest_number(access.organization, rule)}:
        raise RuleChangeRefusedError(
            "Somebody has changed this rule since you began, so the draft is not saved. Look at "
            "the rule's history; saving again puts what stands here in its place."
        )
    refuse_no_change(before, after)
    make_room(access, level.open().first(), now)
    change = RuleChange.objects.create(
        organization=organization,
        rule=rule,
        before=before,
        after=after,
        reason=reason,
        author=access.user,
        author_name=access.user.email,
        created_at=now,
    )
    write_down(access, "rule.propose", change, now)
    return change


@transaction.atomic
def rule_change_test_begin(*, access: Access, change: RuleChange) -> RuleChange:
    """Forget what an earlier test of an open change found, and return the change, locked.

    From here on it may go live only by the test that is asked for now. For the caller's
    transaction. Raises PermissionDenied, and RuleChangeRefusedError for a change not open.
    """
    change = taken(access, change)
    refuse_unless(change, *OPEN)
    change.tested_at = change.tested_against = None
    change.people = change.people_moved = None
    change.outcomes = change.outcomes_moved = None
    change.save()
    return change


@transaction.atomic
def rule_change_tested(
    *,
    change: RuleChange,
    people: int,
    people_moved: int,
    outcomes: int,
    outcomes_moved: int,
    now: datetime,
    against: int | None = None,
) -> RuleChange:
    """Keep what the back-test of an open change found, and return the change.

    `against` is the `rulebook.level_version` as the test began, without it the one in force now:
    the change may go live only upon the rules it was tested with. Raises RuleChangeRefusedError
    for a change that is no longer open.
    """
    take_turn()
    change = RuleChange.objects.get(pk=change.pk)
    refuse_unless(change, *OPEN)
    change.tested_at = now
    change.tested_against = level_version(change.organization_id) if against is None else against
    change.people, change.people_moved = people, people_moved
    change.outcomes, change.outcomes_moved = outcomes, outcomes_moved
    change.save()
    return change


@transaction.atomic
def rule_change_go_live(*, access: Access, change: RuleChange, now: datetime) -> RuleChange:
    """Let a tested draft go live, or wait for a second look where it needs one.

    Returns the change as it is then; its state tells which. Raises PermissionDenied, and
    RuleChangeRefusedError for a change that is no draft or whose test is missing or out of date.
    """
    change = taken(access, change)
    refuse_unless(change, RuleState.DRAFT)
    refuse_untested(change, now)
    if needs_second_look(change):
        change.state = RuleState.WAITING
        change.save()
        write_down(access, "rule.second_look", change, now)
        return change
    put_live(change, now)
    write_down(access, "rule.go_live", change, now)
    return change


@transaction.atomic
def rule_change_approve(*, access: Access, change: RuleChange, now: datetime) -> RuleChange:
    """Let a change go live that waits for a second look; anybody may who did not propose it.

    Returns the change as it is then. Raises as `rule_change_go_live` does.
    """
    change = taken(access, change)
    refuse_unless(change, RuleState.WAITING)
    if change.author_id == access.user.pk:
        raise RuleChangeRefusedError("You proposed this change, so somebody else must approve it.")
    refuse_untested(change, now)
    change.approved_by = access.user
    change.approved_by_name = access.user.email
    put_live(change, now)
    write_down(access, "rule.approve", change, now)
    return change


@transaction.atomic
def rule_change_withdraw(*, access: Access, change: RuleChange, now: datetime) -> RuleChange:
    """Withdraw a change that is not live, and return it. It stays in the history.

    Raises PermissionDenied, and RuleChangeRefusedError for a change that is live or withdrawn.
    """
    change = taken(access, change)
    refuse_unless(change, *OPEN)
    withdraw(access, change, now)
    return change


def newest_number(organization: Organization, rule: str) -> int:
    """Return the number of the newest live change that bears on the organization's rule, or 0."""
    live = RuleChange.objects.concerning(organization).of_rule(rule).live()
    return int(live.aggregate(number=Max("number"))["number"] or 0)


def require_level(access: Access, organization_id: int | None) -> None:
    """Raise PermissionDenied unless the access may change rules of that level."""
    access.require_change()
    if organization_id is None:
        if not access.user.is_staff:
            raise PermissionDenied("Only the operator's staff may change rules for everybody.")
    elif organization_id != access.organization.pk:
        raise PermissionDenied("This rule belongs to another organization.")


def refuse_no_change(before: dict[str, Any] | None, after: dict[str, Any] | None) -> None:
    if before is None and after is None:
        raise RuleChangeRefusedError("There is no such rule here to be taken away.")
    if before == after:
        raise RuleChangeRefusedError("The rule says exactly this already.")


def make_room(access: Access, older: RuleChange | None, now: datetime) -> None:
    """Withdraw the author's own open change of the rule; somebody else's is not ours to drop."""
    if older is None:
        return
    if older.author_id != access.user.pk:
        raise RuleChangeRefusedError(
            f"{older.author_name} has proposed a change of this rule that is still open. "
            "It must go live or be withdrawn first."
        )
    withdraw(access, older, now)


def take_turn() -> None:
    """Wait until nobody else changes rules; the lock is let go with the transaction."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])


def taken(access: Access, change: RuleChange) -> RuleChange:
    """Check permission, take the turn, and return the change as it is stored by then."""
    require_level(access, change.organization_id)
    take_turn()
    return RuleChange.objects.select_related("organization").get(pk=change.pk)


STANDS = {
    RuleState.DRAFT: "This change has not been asked to go live yet.",
    RuleState.WAITING: "This change waits for a second look.",
    RuleState.LIVE: "This change is live already.",
    RuleState.WITHDRAWN: "This change was withdrawn.",
}


def refuse_unless(change: RuleChange, *states: RuleState) -> None:
    if change.state not in states:
        raise RuleChangeRefusedError(STANDS[RuleState(change.state)])


def refuse_untested(change: RuleChange, now: datetime) -> None:
    """Raise RuleChangeRefusedError unless it was tested lately, with the rules of this moment."""
    if change.tested_at is None or change.tested_at < change.created_at:
        raise RuleChangeRefusedError("Test the change on past outcomes before it goes live.")
    if change.tested_against != level_version(change.organization_id):
        raise RuleChangeRefusedError(
            "Other rules have changed since this change was tested. Test it again."
        )
    if is_test_old(change, now):
        raise RuleChangeRefusedError(
            "The change was tested more than 24 hours ago. Test it again before it goes live."
        )


def is_test_old(change: RuleChange, now: datetime) -> bool:
    """Tell if a change was tested too long ago to go live by that test."""
    return change.tested_at is not None and now - change.tested_at > TEST_HOLDS


def needs_second_look(change: RuleChange) -> bool:
    """Tell if a tested change moves many people, or was tested on nobody and could move anyone."""
    moved, people = change.people_moved or 0, change.people or 0
    return not people or moved > settings.SECOND_LOOK_SHARE * people


def put_live(change: RuleChange, now: datetime) -> None:
    """Give the change its number and version, and settle what it makes known in the inbox."""
    newest = RuleChange.objects.live().aggregate(number=Max("number"))["number"] or 0
    change.number = newest + 1
    change.version = version_of(built_in_rules().version, change.number)
    change.state = RuleState.LIVE
    change.live_at = now
    change.save()
    unrecognised_resolve(change, now=now)


def withdraw(access: Access, change: RuleChange, now: datetime) -> None:
    change.state = RuleState.WITHDRAWN
    change.save()
    write_down(access, "rule.withdraw", change, now)


def write_down(access: Access, action: str, change: RuleChange, now: datetime) -> None:
    """Write the audit entry; one about the operator's rules is the access's organization's."""
    audit_entry_write(
        organization=access.organization,
        action=action,
        now=now,
        author=access.user,
        detail={
            "change": change.pk,
            "rule": change.rule,
            "level": "operator" if change.organization_id is None else "organization",
            "version": change.version,
        },
    )
