from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test import Client
from pytest_django import Settings

from monitoring.actions.links import person_id_of
from monitoring.actions.models import LinkRequest
from monitoring.console.me import TOO_MANY_HERE, TOO_OFTEN
from tests.factories import NOW, make_member, make_person, make_user
from tests.monitoring.console.conftest import Cast, client_of
from tests.monitoring.console.markup import markup, text

pytestmark = pytest.mark.django_db
ADA = "ada@acme.example"


def asked_for() -> list[str]:
    return list(LinkRequest.objects.order_by("id").values_list("address", flat=True))


def test_who_is_signed_in_sees_their_page(cast: Cast) -> None:
    person = make_person(cast.acme, email=cast.admin.email)
    response = client_of(cast.admin).get("/me/")
    assert response.status_code == 302
    assert person_id_of(response.url.rstrip("/").rsplit("/", 1)[1], NOW) == person.pk


def test_who_is_synced_twice_has_the_choice(cast: Cast) -> None:
    make_member(cast.globex, user=cast.admin)
    for organization in (cast.acme, cast.globex):
        make_person(organization, email=cast.admin.email)
    page = markup(client_of(cast.admin).get("/me/"))
    assert "Acme Globex" in page.text
    assert len([link for link in page.links if link.startswith("/me/")]) == 2


def test_who_is_signed_in_and_nobody_here_may_ask_for_a_link(cast: Cast) -> None:
    make_person(cast.acme, email=cast.stranger.email)
    response = client_of(cast.stranger).get("/me/")
    assert response.status_code == 200
    assert f'value="{cast.stranger.email}"' in response.content.decode()


def test_a_link_is_asked_for_by_address(client: Client) -> None:
    make_person(email=ADA)
    response = client.post("/me/", {"email": "Ada@Acme.example"})
    assert (response.status_code, response.url) == (302, "/me/asked/")
    assert "If a calendar is synced under that address" in text(client.get("/me/asked/"))
    assert asked_for() == [ADA]


def test_without_a_broker_it_is_asked_for_all_the_same(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unreachable(*_: Any, **__: Any) -> None:
        raise ConnectionError("no broker")

    monkeypatch.setattr("django_q.tasks.get_broker", unreachable)
    monkeypatch.setattr("monitoring.jobs.doorbell.get_broker", unreachable)
    assert client.post("/me/", {"email": ADA}).status_code == 302
    assert asked_for() == [ADA]


def test_the_answer_does_not_tell_whether_the_address_is_known(client: Client) -> None:
    make_person(email=ADA)
    answers = [client.post("/me/", {"email": email}) for email in (ADA, "nobody@acme.example")]
    known, unknown = ((each.status_code, each.url, each.content) for each in answers)
    assert known == unknown


@pytest.mark.parametrize("typed", ["", "ada", "ada@acme.example\nBcc: all@acme.example"])
def test_what_is_no_address_is_kept_and_explained(client: Client, typed: str) -> None:
    response = client.post("/me/", {"email": typed})
    assert response.status_code == 400
    assert "Enter your" in text(response)
    assert typed.split("\n")[0] in response.content.decode()
    assert asked_for() == []


def test_an_address_is_not_mailed_to_without_end(client: Client) -> None:
    for _ in range(5):
        assert client.post("/me/", {"email": ADA}).status_code == 302
    LinkRequest.objects.all().delete()
    response = client.post("/me/", {"email": ADA.upper()}, REMOTE_ADDR="10.0.0.9")
    assert response.status_code == 429
    assert TOO_OFTEN in text(response)
    assert asked_for() == []


@pytest.fixture
def small_network(settings: Settings) -> None:
    """Let a network ask three times an hour."""
    limits = {"person_link_network": "3/h/ip"}
    settings.ACCOUNT_RATE_LIMITS = settings.ACCOUNT_RATE_LIMITS | limits


@pytest.mark.usefixtures("small_network")
def test_a_network_does_not_ask_without_end(client: Client) -> None:
    for number in range(3):
        client.post("/me/", {"email": f"person{number}@acme.example"})
    response = client.post("/me/", {"email": ADA})
    assert response.status_code == 429
    assert TOO_MANY_HERE in text(response)
    assert client.post("/me/", {"email": ADA}, REMOTE_ADDR="10.0.0.9").status_code == 302


@pytest.mark.usefixtures("small_network")
def test_a_network_that_is_refused_takes_nothing_from_the_addresses_it_names(
    client: Client,
) -> None:
    for _ in range(3):
        client.post("/me/", {"email": "somebody@acme.example"})
    for _ in range(6):
        assert client.post("/me/", {"email": ADA}).status_code == 429
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM cache")
        assert cursor.fetchone() == (2,)
    assert client.post("/me/", {"email": ADA}, REMOTE_ADDR="10.0.0.9").status_code == 302


def test_a_whole_company_may_ask_from_one_address(client: Client) -> None:
    for number in range(40):
        assert client.post("/me/", {"email": f"p{number}@acme.example"}).status_code == 302


def test_other_methods_are_refused(client: Client) -> None:
    assert client.put("/me/").status_code == 405
    assert client.post("/me/asked/").status_code == 405


def test_no_cache_keeps_it_and_no_engine_lists_it(client: Client) -> None:
    make_user()
    headers = client.get("/me/").headers
    assert "no-store" in headers["Cache-Control"]
    assert headers["X-Robots-Tag"] == "noindex, nofollow"
    assert headers["Referrer-Policy"] == "same-origin"
