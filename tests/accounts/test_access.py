from __future__ import annotations

import pytest

from accounts.access import access_for
from tests.factories import make_member, make_organization

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("Europe/Berlin", "Europe/Berlin"),
        ("Mars/Olympus", "UTC"),
        ("", "UTC"),
        ("../etc/passwd", "UTC"),
        ("Europe", "UTC"),
        ("x" * 64, "UTC"),
    ],
)
def test_a_member_in_an_unknown_time_zone_sees_utc(name: str, shown: str) -> None:
    member = make_member(make_organization(slug="acme"), time_zone=name)
    assert access_for(member.user, "acme").time_zone.key == shown
