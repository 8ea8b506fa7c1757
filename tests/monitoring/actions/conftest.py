from __future__ import annotations

import pytest

from accounts.access import Access
from accounts.models import Organization
from monitoring.actions import registry, working
from monitoring.actions.deed_hold import HoldDeed
from monitoring.actions.models import Kind
from tests.factories import make_organization
from tests.monitoring.actions.fake_deed import FakeDeed
from tests.monitoring.actions.makers import make_access


@pytest.fixture
def acme(db: None) -> Organization:
    return make_organization(slug="acme")


@pytest.fixture
def access(acme: Organization) -> Access:
    return make_access(acme)


@pytest.fixture
def rung(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The tasks that were rung for, at once and not after the commit."""
    tasks: list[str] = []
    monkeypatch.setattr(working, "ring_task", lambda task, **_: tasks.append(task))
    return tasks


@pytest.fixture
def small_slices(monkeypatch: pytest.MonkeyPatch) -> int:
    """Slices of holds have so many people."""
    monkeypatch.setattr(HoldDeed, "slice", 8)
    return 8


@pytest.fixture
def fake_deed(monkeypatch: pytest.MonkeyPatch) -> FakeDeed:
    """What re-authorizing does, in this test."""
    deed = FakeDeed()
    monkeypatch.setitem(registry._deeds, Kind.REAUTHORIZE, deed)
    return deed
