from __future__ import annotations

import pytest
from django.test import Client

from monitoring.alerts.kinds import AlertKind
from tests.factories import make_member, make_organization, make_user
from tests.monitoring.console.alert_makers import make_alert, make_recipient, make_told
from tests.monitoring.console.conftest import Cast, client_of
from tests.monitoring.console.markup import markup, text


def test_who_belongs_to_one_organization_lands_on_its_overview(cast: Cast) -> None:
    response = client_of(cast.admin).get("/")
    assert response.status_code == 302
    assert response.headers["Location"] == "/o/acme/"


def test_who_belongs_to_several_chooses(cast: Cast) -> None:
    make_member(cast.globex, user=cast.admin)
    make_organization(slug="initech")
    client = client_of(cast.admin)
    assert client.get("/").headers["Location"] == "/organizations/"
    links = markup(client.get("/organizations/")).links
    assert "/o/acme/" in links
    assert "/o/globex/" in links
    assert "/o/initech/" not in links


def test_who_belongs_to_none_is_told_whom_to_ask(db: None) -> None:
    user = make_user(email="new@acme.example")
    client = client_of(user)
    assert client.get("/").headers["Location"] == "/organizations/"
    page = text(client.get("/organizations/"))
    assert "You do not belong to an organization yet" in page
    assert "new@acme.example" in page


def test_support_staff_search_among_all(cast: Cast) -> None:
    client = client_of(cast.staff)
    assert client.get("/").headers["Location"] == "/organizations/"
    assert "/o/globex/" in markup(client.get("/organizations/")).links
    found = markup(client.get("/organizations/", {"q": "acm"})).links
    assert "/o/acme/" in found
    assert "/o/globex/" not in found
    assert "No organization has" in text(client.get("/organizations/", {"q": "nope\x00"}))


def test_support_staff_read_how_many_alerts_wait_for_them(cast: Cast) -> None:
    client = client_of(cast.staff)
    assert "nobody has acknowledged" not in text(client.get("/organizations/"))
    make_alert(None, kind=AlertKind.SERVICE, cause="workers", people=0, most_people=0)
    make_told(make_alert(cast.acme), make_recipient(None))
    make_alert(cast.globex)
    page = text(client.get("/organizations/"))
    assert "Alerts of the service 2 nobody has acknowledged" in page
    assert "nobody has acknowledged" not in text(client_of(cast.admin).get("/organizations/"))


def test_many_organizations_are_paged(cast: Cast) -> None:
    for number in range(60):
        make_organization(slug=f"customer-{number:02}")
    client = client_of(cast.staff)
    first = markup(client.get("/organizations/"))
    second = markup(client.get("/organizations/?page=2"))
    assert len([link for link in first.links if link.startswith("/o/")]) == 50
    assert len([link for link in second.links if link.startswith("/o/")]) == 12


def test_only_who_belongs_to_several_gets_a_switch(cast: Cast) -> None:
    switch = "/o/globex/"
    assert switch not in markup(client_of(cast.admin).get("/o/acme/people/")).links
    make_member(cast.globex, user=cast.admin)
    assert switch in markup(client_of(cast.admin).get("/o/acme/people/")).links


def test_support_staff_are_led_back_to_all_organizations(cast: Cast) -> None:
    page = markup(client_of(cast.staff).get("/o/acme/people/"))
    assert "/organizations/" in page.links
    assert "support staff" in page.text


@pytest.mark.parametrize("address", ["/", "/organizations/"])
def test_strangers_sign_in_first_and_nothing_is_posted(
    client: Client, cast: Cast, address: str
) -> None:
    assert client.get(address).headers["Location"].startswith("/accounts/login/")
    assert client_of(cast.admin).post(address).status_code == 405
