from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from monitoring.alerts.models import Recipient
from monitoring.alerts.tickets import token_of
from monitoring.audit.models import AuditEntry
from tests.factories import NOW, make_organization
from tests.monitoring.alerts.routing_makers import make_recipient

pytestmark = pytest.mark.django_db


def recipient(**overrides: Any) -> Recipient:
    fields = {"digest": "weekly", "digest_at": NOW}
    return make_recipient(make_organization(name="Acme"), **fields | overrides)


def address(recipient: Recipient) -> str:
    return reverse("digest_stop", args=[token_of("digest", recipient.pk)])


def test_following_the_link_changes_nothing(client: Client) -> None:
    reader = recipient()
    response = client.get(address(reader))
    assert response.status_code == 200
    assert "A digest of Acme is sent to" in response.content.decode()
    assert response["X-Robots-Tag"] == "noindex, nofollow"
    reader.refresh_from_db()
    assert reader.digest == "weekly"


def test_one_click_stops_the_digests_and_nothing_else() -> None:
    reader, other = recipient(), recipient()
    client = Client(enforce_csrf_checks=True)
    response = client.post(address(reader), {"List-Unsubscribe": "One-Click"})
    assert response.status_code == 200
    assert "No digests are sent to you" in response.content.decode()
    reader.refresh_from_db()
    other.refresh_from_db()
    assert (reader.digest, reader.digest_at, reader.unsubscribed_at) == ("never", None, None)
    assert other.digest == "weekly"
    client.post(address(reader))
    (entry,) = AuditEntry.objects.all()
    assert entry.action == "recipient.digest_stop"
    assert entry.detail == {"recipient": reader.pk, "by": "link"}


@pytest.mark.parametrize("token", ["nothing", "M.mqxQzMCemELSek1UjkhlE66URIaX29sWWR7TE1k7X9E"])
def test_a_link_that_is_not_ours_opens_nothing(client: Client, token: str) -> None:
    assert client.get(reverse("digest_stop", args=[token])).status_code == 404
    assert client.post(reverse("digest_stop", args=[token])).status_code == 404


def test_the_link_of_another_purpose_opens_nothing(client: Client) -> None:
    token = token_of("unsubscribe", recipient().pk)
    assert client.post(reverse("digest_stop", args=[token])).status_code == 404


def test_who_was_removed_has_nothing_to_stop(client: Client) -> None:
    assert client.get(address(recipient(removed_at=NOW))).status_code == 404


def test_nothing_else_is_asked_of_it(client: Client) -> None:
    assert client.put(address(recipient())).status_code == 405
