"""Two connections at once: rules that go live together, deliveries that meet in the inbox."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from threading import Barrier
from typing import Any

import pytest
from django.db import transaction

from accounts.access import Access
from monitoring.errors.changes import (
    RuleChangeRefusedError,
    rule_change_go_live,
    rule_change_propose,
)
from monitoring.errors.inbox import unrecognised_note
from monitoring.errors.models import RuleChange, UnrecognisedError
from monitoring.errors.rulebook import rule_sets_of
from tests.factories import NOW, make_organization
from tests.monitoring.errors.makers import definition, make_access, passed, propose
from tests.monitoring.errors.test_inbox import seen
from tests.monitoring.health.test_concurrency import begin

pytestmark = pytest.mark.django_db(transaction=True)
LATER = NOW + timedelta(hours=1)


def at_once(*works: Any) -> list[Exception]:
    """Do the works at the same time; return what they raised."""
    barrier = Barrier(len(works))
    raised: list[Exception] = []

    def work(one: Any) -> None:
        barrier.wait(10)
        one()

    threads = [begin(partial(work, one), raised) for one in works]
    for thread in threads:
        thread.join(30)
        assert not thread.is_alive()
    return raised


def test_rules_that_go_live_at_once_get_numbers_in_turn() -> None:
    accesses = [make_access() for _ in range(4)]
    changes = [passed(propose(access)) for access in accesses]
    works = [
        partial(rule_change_go_live, access=access, change=change, now=LATER)
        for access, change in zip(accesses, changes, strict=True)
    ]
    assert at_once(*works) == []
    assert sorted(RuleChange.objects.values_list("number", flat=True)) == [1, 2, 3, 4]
    ids = [access.organization.pk for access in accesses]
    assert len({rules.version for rules in rule_sets_of(ids).values()}) == 4


def test_of_two_rules_of_one_level_that_go_live_at_once_the_later_is_tested_again() -> None:
    access = make_access()
    changes = [passed(propose(access, rule=rule)) for rule in ("aisle-one", "aisle-two")]
    raised = at_once(
        *(
            partial(rule_change_go_live, access=access, change=change, now=LATER)
            for change in changes
        )
    )
    assert [type(error) for error in raised] == [RuleChangeRefusedError]
    assert "Test it again" in str(raised[0])
    assert RuleChange.objects.live().count() == 1


def test_one_change_goes_live_once_however_often_it_is_asked_to() -> None:
    access = make_access()
    change = passed(propose(access))
    work = partial(rule_change_go_live, access=access, change=change, now=LATER)
    raised = at_once(work, work, work)
    assert [str(error) for error in raised] == ["This change is live already."] * 2


def test_of_two_authors_at_once_one_is_told_of_the_other() -> None:
    organization = make_organization()

    def work(access: Access) -> RuleChange:
        return rule_change_propose(
            access=access,
            organization=organization,
            rule="aisle-blocked",
            definition=definition(),
            reason="Because.",
            now=NOW,
        )

    raised = at_once(*(partial(work, make_access(organization)) for _ in range(2)))
    assert [type(error) for error in raised] == [RuleChangeRefusedError]
    assert RuleChange.objects.count() == 1


def test_deliveries_that_meet_in_the_inbox_never_wait_in_a_circle_and_count_exactly() -> None:
    organization = make_organization()
    signatures = [f"error {number}" for number in range(40)]

    def deliver(first: int, order: int) -> None:
        for start in range(first, first + 6):
            with transaction.atomic():
                unrecognised_note(
                    [
                        seen(organization, person, signature=signature)
                        for signature in signatures[::order]
                        for person in (start, start + 1)
                    ]
                )

    assert at_once(*(partial(deliver, n, 1 if n % 2 else -1) for n in range(4))) == []
    rows = UnrecognisedError.objects.values_list("outcomes", "people")
    # Four times six deliveries of two people each; together they name the people 0 to 9.
    assert set(rows) == {(48, 10)}
    assert len(rows) == len(signatures)
