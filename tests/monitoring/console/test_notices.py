"""The banner of open incidents on the pages it stands on."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from tests.monitoring.console.conftest import Cast, client_of
from tests.monitoring.console.incident_makers import (
    OVER,
    RECOVERING,
    make_incident,
    make_intake_incident,
)
from tests.monitoring.console.makers import make_healthy
from tests.monitoring.console.markup import markup, text

PAGES = pytest.mark.parametrize("page", ["", "people/", "person"])
SENTENCE = "Salesforce: 31 people hit since 10:00, probably one cause. Nobody is disabled by it."


def opened(cast: Cast, client: Client, page: str) -> Any:
    person = make_healthy(cast.acme)
    return client.get(f"/o/acme/{f'people/{person.pk}/' if page == 'person' else page}")


@PAGES
def test_an_open_incident_is_told_above_the_page(
    cast: Cast, admin_client: Client, page: str
) -> None:
    incident = make_incident(cast.acme, people_hit=31)
    response = opened(cast, admin_client, page)
    assert SENTENCE in text(response)
    assert f"/o/acme/incidents/{incident.pk}/" in markup(response).links
    assert "slds-theme_warning" in response.content.decode()


@PAGES
def test_what_is_closed_or_elsewhere_is_not_told(
    cast: Cast, admin_client: Client, page: str
) -> None:
    make_incident(cast.acme, **OVER)
    make_incident(cast.acme, **RECOVERING)
    make_incident(cast.globex, people_hit=31)
    make_incident(None, people_hit=31)
    response = opened(cast, admin_client, page)
    assert "probably one cause" not in text(response)
    assert "banner" not in response.content.decode()


@PAGES
def test_when_our_own_intake_drops_everybody_is_told(
    cast: Cast, admin_client: Client, page: str
) -> None:
    make_intake_incident(None)
    response = opened(cast, admin_client, page)
    assert "Too few results of the whole service come in since 10:00" in text(response)
    assert "Nobody is called silent meanwhile." in text(response)
    # It belongs to no organization, so only support staff have a page of it.
    assert "/incidents/" not in markup(response).links
    assert "/incidents/" in markup(client_of(cast.staff).get("/o/acme/")).links


def test_the_number_in_the_navigation_counts_ones_own(cast: Cast, admin_client: Client) -> None:
    make_intake_incident(None)
    make_incident(cast.globex)
    assert "Incidents 1" not in text(admin_client.get("/o/acme/people/"))
    make_intake_incident(cast.acme)
    assert "Incidents 1 open" in text(admin_client.get("/o/acme/people/"))


def test_of_many_the_banner_has_three_and_leads_to_the_others(
    cast: Cast, admin_client: Client
) -> None:
    for provider in ("google", "salesforce", "network", "service", "unknown"):
        make_incident(cast.acme, provider=provider, people_hit=5)
    page = markup(admin_client.get("/o/acme/"))
    assert page.text.count("probably one cause") == 3
    assert "2 more" in page.text
