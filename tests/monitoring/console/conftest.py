from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import time_machine
from django.test import Client

from accounts.models import Organization, Role
from tests.factories import NOW, make_member, make_organization, make_user


@pytest.fixture(autouse=True)
def clock_stands_still() -> Iterator[None]:
    with time_machine.travel(NOW, tick=False):
        yield


@dataclass(frozen=True)
class Cast:
    """Acme with who belongs to it, and who does not."""

    acme: Organization
    globex: Organization
    admin: Any
    viewer: Any
    stranger: Any
    staff: Any


@pytest.fixture
def cast(db: None) -> Cast:
    acme, globex = make_organization(slug="acme"), make_organization(slug="globex")
    zone = {"time_zone": "Europe/Berlin"}
    return Cast(
        acme=acme,
        globex=globex,
        admin=make_member(acme, user=make_user(email="admin@acme.example"), **zone).user,
        viewer=make_member(acme, role=Role.VIEWER).user,
        stranger=make_member(globex).user,
        staff=make_user(email="support@service.example", is_staff=True),
    )


@pytest.fixture
def admin_client(cast: Cast) -> Client:
    return client_of(cast.admin)


def client_of(user: Any) -> Client:
    client = Client()
    client.force_login(user)
    return client
