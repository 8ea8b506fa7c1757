from __future__ import annotations

from collections.abc import Iterator

import pytest
import time_machine

from accounts.access import Access
from accounts.models import Organization, Role
from tests.factories import NOW, make_member, make_organization
from tests.monitoring.errors.makers import make_access


@pytest.fixture
def at_now() -> Iterator[None]:
    """Let the clock of workers stand at NOW; that of the database goes on."""
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def organization() -> Organization:
    """An organization with an admin to tell."""
    organization = make_organization(name="Acme")
    make_member(organization, role=Role.ADMIN)
    return organization


@pytest.fixture
def access(organization: Organization) -> Access:
    return make_access(organization)
