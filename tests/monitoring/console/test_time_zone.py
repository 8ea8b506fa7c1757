from __future__ import annotations

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from accounts.access import access_for, zone_of
from accounts.models import Member, StaffTimeZone
from accounts.time_zones import time_zones
from tests.factories import make_member
from tests.monitoring.console.conftest import Cast, client_of
from tests.monitoring.console.makers import make_healthy
from tests.monitoring.console.markup import markup, text

ADDRESS = "/time-zone/"
BACK = "/o/acme/people/?status=stalled"


def test_a_member_chooses_for_all_their_organizations_and_goes_on(cast: Cast) -> None:
    make_member(cast.globex, user=cast.viewer)
    client = client_of(cast.viewer)
    assert "You read times in UTC." in text(client.get(ADDRESS))
    answer = client.post(ADDRESS, {"zone": "Asia/Kolkata", "back": BACK})
    assert answer.headers["Location"] == BACK
    zones = Member.objects.filter(user=cast.viewer).values_list("time_zone", flat=True)
    assert set(zones) == {"Asia/Kolkata"}
    assert not StaffTimeZone.objects.exists()
    page = text(client.get(BACK))
    assert "Times are shown in Asia/Kolkata from now on." in page
    assert "times in Asia/Kolkata" in page
    assert Member.objects.get(user=cast.admin).time_zone == "Europe/Berlin"


def test_support_staff_choose_as_well(
    cast: Cast, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    client = client_of(cast.staff)
    for zone in ("Europe/Paris", "America/New_York"):
        client.post(ADDRESS, {"zone": zone})
        assert access_for(cast.staff, "acme").time_zone.key == zone
    assert "You read times in America/New_York." in text(client.get(ADDRESS))
    with django_assert_num_queries(2):
        access_for(cast.staff, "globex")


@pytest.mark.parametrize("zone", ["", "Nowhere/Atall", "../etc/passwd", "\x00", "x" * 900])
def test_what_is_no_zone_is_refused_and_stays_typed(cast: Cast, zone: str) -> None:
    response = client_of(cast.viewer).post(ADDRESS, {"zone": zone, "back": BACK})
    assert response.status_code == 400
    page = markup(response)
    assert "Choose one of the zones in the list" in page.text
    assert BACK in page.links
    assert Member.objects.get(user=cast.viewer).time_zone == "UTC"


@pytest.mark.parametrize("back", ["https://evil.example/", "//evil.example", "javascript:1", ""])
def test_it_leads_back_to_pages_of_ours_only(cast: Cast, back: str) -> None:
    answer = client_of(cast.viewer).post(ADDRESS, {"zone": "UTC", "back": back})
    assert answer.headers["Location"] == "/"


def test_a_zone_in_the_address_is_offered_if_there_is_one(cast: Cast) -> None:
    client = client_of(cast.viewer)
    assert (
        'value="Europe/Rome" maxlength'
        in client.get(f"{ADDRESS}?zone=Europe/Rome").content.decode()
    )
    assert 'value="UTC" maxlength' in client.get(f"{ADDRESS}?zone=Mars").content.decode()


def test_who_may_choose(cast: Cast, client: Client) -> None:
    assert client.get(ADDRESS).status_code == 302
    assert client.post(ADDRESS, {"zone": "UTC"}).status_code == 302
    assert client_of(cast.viewer).put(ADDRESS).status_code == 405


def test_every_zone_there_is_to_choose_is_known(cast: Cast) -> None:
    assert all(zone_of(name).key == name for name in time_zones())
    assert max(map(len, time_zones())) <= 64


def test_only_who_reads_utc_is_offered_another(cast: Cast, admin_client: Client) -> None:
    make_healthy(cast.acme)
    assert "data-zone-offer" not in admin_client.get("/o/acme/").content.decode()
    page = client_of(cast.viewer).get("/o/acme/people/?q=a").content.decode()
    assert 'data-zone-offer="UTC"' in page
    assert "/time-zone/?back=%2Fo%2Facme%2Fpeople%2F%3Fq%3Da" in page
