from __future__ import annotations

import pytest

from monitoring.errors import inbox, rulebook
from monitoring.errors.inbox import unrecognised_note, unrecognised_try_again
from monitoring.errors.interpretation import built_in_rules
from monitoring.errors.models import UnrecognisedError
from monitoring.errors.rulebook import rule_sets_of
from monitoring.errors.rules import rule_from
from monitoring.jobs.tick import tick
from tests.factories import NOW, make_organization
from tests.monitoring.errors.makers import (
    definition,
    make_access,
    make_live,
    make_staff,
    panic,
    seen,
)

pytestmark = pytest.mark.django_db
BUILT_IN = built_in_rules().version


def newer_built_in_rules(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the built-in rules know what `panic` says, under the next version."""
    rule = rule_from(definition() | {"id": "aisle-blocked"})
    newer = built_in_rules().with_rules_above([rule], version=BUILT_IN + 1)
    for module in (inbox, rulebook):
        monkeypatch.setattr(module, "built_in_rules", lambda: newer)
    monkeypatch.setattr(rulebook, "_sets", type(rulebook._sets)())


def tried() -> list[int]:
    return list(UnrecognisedError.objects.order_by("id").values_list("rules_tried", flat=True))


def test_newer_built_in_rules_settle_what_they_know(monkeypatch: pytest.MonkeyPatch) -> None:
    organization = make_organization()
    unknown = panic(body="nobody knows this")
    unrecognised_note([seen(organization), seen(organization, signature="x", error=unknown)])
    assert unrecognised_try_again(now=NOW) == 0
    assert tried() == [BUILT_IN, BUILT_IN]
    newer_built_in_rules(monkeypatch)
    assert unrecognised_try_again(now=NOW) == 1
    settled = UnrecognisedError.objects.exclude(resolved_at=None).get()
    assert (settled.sample, settled.resolved_at, settled.resolved_by) == (panic(), NOW, None)
    assert tried() == [BUILT_IN + 1, BUILT_IN + 1]


def test_each_is_tried_once_and_a_piece_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    organization = make_organization()
    unknown = panic(body="nobody knows this")
    unrecognised_note([seen(organization, signature=letter, error=unknown) for letter in "abc"])
    newer_built_in_rules(monkeypatch)
    monkeypatch.setattr(inbox, "AGAIN", 2)
    for left in (3, 1, 0):
        assert UnrecognisedError.objects.exclude(rules_tried=BUILT_IN + 1).count() == left
        unrecognised_try_again(now=NOW)
    assert inbox.untried() == []


def test_the_tick_tries_them(monkeypatch: pytest.MonkeyPatch) -> None:
    unrecognised_note([seen(make_organization())])
    newer_built_in_rules(monkeypatch)
    assert tick(NOW).failed_steps == []
    assert not UnrecognisedError.objects.open().exists()


def test_what_a_change_did_not_get_to_is_settled_later(monkeypatch: pytest.MonkeyPatch) -> None:
    access = make_access()
    unrecognised_note([seen(access.organization, signature=letter) for letter in "ab"])
    monkeypatch.setattr(inbox, "TRIED", 1)
    make_live(access)
    assert UnrecognisedError.objects.open().count() == 1
    assert unrecognised_try_again(now=NOW) == 1


@pytest.mark.parametrize("levels", ["own", "operators", "own operators", "operators own"])
def test_the_version_tried_is_that_of_the_rules_in_force(levels: str) -> None:
    access, staff = make_access(), make_staff()
    make_live(make_access(), definition=definition(codes=["X"]))
    for place, level in enumerate(levels.split()):
        other = definition(codes=["OTHER"], title=f"Title {place}")
        if level == "own":
            make_live(access, rule=f"rule-{place}", definition=other)
        else:
            make_live(staff, rule=f"rule-{place}", definition=other, organization=None)
    unrecognised_note([seen(access.organization)])
    assert len(inbox.untried()) == 1
    unrecognised_try_again(now=NOW)
    assert inbox.untried() == []
    assert tried() == [rule_sets_of([access.organization.pk])[access.organization.pk].version]


def test_what_older_rules_open_again_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    organization = make_organization()
    unrecognised_note([seen(organization)])
    newer_built_in_rules(monkeypatch)
    unrecognised_try_again(now=NOW)
    unrecognised_note([seen(organization, person=2)])
    assert UnrecognisedError.objects.get().resolved_at is None
    assert unrecognised_try_again(now=NOW) == 1
