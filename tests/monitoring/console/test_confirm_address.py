from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from monitoring.alerts.models import Recipient
from monitoring.alerts.tickets import token_of
from monitoring.audit.models import AuditEntry
from tests.factories import NOW
from tests.monitoring.alerts.routing_makers import make_recipient
from tests.monitoring.console.conftest import Cast
from tests.monitoring.console.markup import markup, text


def address(recipient: Recipient) -> str:
    return f"/confirm/{token_of('confirm', recipient.pk)}/"


@pytest.fixture
def box(cast: Cast) -> Recipient:
    return make_recipient(cast.acme, address="team@acme.example", confirmed_at=None)


def test_following_the_link_asks_and_changes_nothing(client: Client, box: Recipient) -> None:
    for _ in range(2):
        response = client.get(address(box))
        assert response.status_code == 200
        assert client.head(address(box)).status_code == 200
    page = text(response)
    assert "Do you want alerts?" in page
    assert "Alerts of Acme are to be sent to team@acme.example. None is, unless you" in page
    assert markup(response).violations == []
    assert Recipient.objects.get().confirmed_at is None
    assert not AuditEntry.objects.exists()


def test_a_post_confirms_and_a_second_one_changes_nothing(client: Client, box: Recipient) -> None:
    for _ in range(2):
        response = client.post(address(box), follow=True)
        assert response.redirect_chain == [(address(box), 302)]
        assert "You have confirmed" in text(response)
        # Whether any is, a route says.
        assert "alerts of Acme may be sent to team@acme.example" in text(response)
    assert Recipient.objects.get().confirmed_at == NOW
    assert [each.action for each in AuditEntry.objects.all()] == ["recipient.confirm"]


def test_it_takes_a_form_of_ours(box: Recipient) -> None:
    client = Client(enforce_csrf_checks=True)
    assert client.post(address(box)).status_code == 403
    assert Recipient.objects.get().confirmed_at is None


def test_who_unsubscribed_since_is_told_so(client: Client, cast: Cast) -> None:
    gone = make_recipient(cast.acme, unsubscribed_at=NOW)
    assert "You have unsubscribed since" in text(client.get(address(gone)))
    client.post(address(gone))
    assert Recipient.objects.get().unsubscribed_at == NOW


def test_who_was_removed_and_links_that_are_not_ours_open_nothing(
    client: Client, cast: Cast, box: Recipient
) -> None:
    gone = make_recipient(cast.acme, removed_at=NOW, confirmed_at=None)
    wrong = token_of("unsubscribe", box.pk)
    for path in (address(gone), "/confirm/nonsense/", f"/confirm/{wrong}/"):
        for response in (client.get(path), client.post(path)):
            assert response.status_code == 404
            assert "This link does not open" in text(response)
    assert not Recipient.objects.exclude(confirmed_at=None).exists()


def test_a_wrong_method_is_refused(client: Client, box: Recipient) -> None:
    assert client.put(address(box)).status_code == 405
    assert client.delete(address(box)).status_code == 405


def test_posting_is_limited(client: Client, box: Recipient, settings: Any) -> None:
    settings.ACCOUNT_RATE_LIMITS = {"confirm_address": "2/h/key"}
    for _ in range(2):
        assert client.post(address(box)).status_code == 302
    assert client.post(address(box)).status_code == 429


def test_the_address_is_kept_from_caches_engines_and_other_sites(
    client: Client, box: Recipient
) -> None:
    response = client.get(address(box))
    assert "no-store" in response.headers["Cache-Control"]
    assert response.headers["X-Robots-Tag"] == "noindex, nofollow"
    assert response.headers["Referrer-Policy"] == "same-origin"


def test_of_the_service_it_says_so(client: Client, db: None) -> None:
    box = make_recipient(None, address="ops@service.example", confirmed_at=None)
    page = text(client.get(address(box)))
    assert "Alerts of the service are to be sent to ops@service.example." in page
