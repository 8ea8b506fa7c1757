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

ONE_CLICK = {"List-Unsubscribe": "One-Click"}


def address(recipient: Recipient) -> str:
    return f"/unsubscribe/{token_of('unsubscribe', recipient.pk)}/"


@pytest.fixture
def box(cast: Cast) -> Recipient:
    return make_recipient(cast.acme, address="team@acme.example")


def is_unsubscribed(recipient: Recipient) -> bool:
    return Recipient.objects.get(pk=recipient.pk).unsubscribed_at is not None


def test_following_the_link_asks_and_changes_nothing(client: Client, box: Recipient) -> None:
    for _ in range(2):
        response = client.get(address(box))
        assert response.status_code == 200
        assert client.head(address(box)).status_code == 200
    page = text(response)
    assert "Unsubscribe from alerts?" in page
    assert "Alerts of Acme are sent to team@acme.example." in page
    assert markup(response).violations == []
    assert not is_unsubscribed(box)
    assert not AuditEntry.objects.exists()


def test_a_mail_program_unsubscribes_with_one_click(box: Recipient) -> None:
    client = Client(enforce_csrf_checks=True)
    response = client.post(address(box), ONE_CLICK)
    # A redirect would not be followed.
    assert response.status_code == 200
    assert is_unsubscribed(box)
    assert [entry.action for entry in AuditEntry.objects.all()] == ["recipient.unsubscribe"]


def test_a_mail_program_may_send_it_as_a_form_of_parts(box: Recipient) -> None:
    client = Client(enforce_csrf_checks=True)
    body = "List-Unsubscribe=One-Click"
    form = {"content_type": "application/x-www-form-urlencoded"}
    assert client.post(address(box), body, **form).status_code == 200
    assert is_unsubscribed(box)


def test_a_person_is_told_what_was_done_and_may_undo_it(client: Client, box: Recipient) -> None:
    page = text(client.post(address(box)))
    assert "You are unsubscribed" in page
    assert "No alerts of Acme are sent to team@acme.example any more" in page
    assert "Subscribe again" in text(client.get(address(box)))
    page = text(client.post(address(box), {"again": "1"}))
    assert "You are subscribed again" in page
    assert not is_unsubscribed(box)
    assert "Unsubscribe from alerts?" in text(client.get(address(box)))


def test_twice_is_no_more_than_once(client: Client, box: Recipient) -> None:
    for _ in range(2):
        assert "You are unsubscribed" in text(client.post(address(box), ONE_CLICK))
    assert AuditEntry.objects.count() == 1


def test_others_at_the_same_address_stay_subscribed(
    cast: Cast, client: Client, box: Recipient
) -> None:
    other = make_recipient(cast.globex, address=box.address)
    client.post(address(box), ONE_CLICK)
    assert not is_unsubscribed(other)


def test_support_unsubscribes_from_the_service(cast: Cast, client: Client) -> None:
    support = make_recipient(None, user=cast.staff, address=cast.staff.email)
    page = text(client.post(address(support), ONE_CLICK))
    assert "No alerts of the service are sent to support@service.example any more" in page


@pytest.mark.parametrize("fields", [{"removed_at": NOW}])
def test_who_is_told_nothing_any_more_opens_nothing(
    cast: Cast, client: Client, fields: dict[str, Any]
) -> None:
    gone = make_recipient(cast.acme, **fields)
    for response in (client.get(address(gone)), client.post(address(gone), ONE_CLICK)):
        assert response.status_code == 404
        assert "This link does not open" in text(response)


def test_a_link_that_is_not_ours_opens_nothing(client: Client, db: None) -> None:
    for token in (
        "nonsense",
        "1.forged",
        token_of("acknowledge", 1, 1),
        token_of("unsubscribe", 1),
    ):
        for response in (
            client.get(f"/unsubscribe/{token}/"),
            client.post(f"/unsubscribe/{token}/", ONE_CLICK),
        ):
            assert response.status_code == 404


def test_a_wrong_method_is_refused(client: Client, box: Recipient) -> None:
    assert client.put(address(box)).status_code == 405
    assert client.delete(address(box)).status_code == 405


def test_nobody_fills_the_audit_log_with_a_link(
    client: Client, box: Recipient, settings: Any
) -> None:
    settings.ACCOUNT_RATE_LIMITS = {"unsubscribe": "2/h/key"}
    for _ in range(2):
        assert client.post(address(box), ONE_CLICK).status_code == 200
    assert client.post(address(box), {"again": "1"}).status_code == 429
    assert is_unsubscribed(box)


def test_the_address_is_kept_from_caches_engines_and_other_sites(
    client: Client, box: Recipient
) -> None:
    for response in (client.get(address(box)), client.post(address(box), ONE_CLICK)):
        assert "no-store" in response.headers["Cache-Control"]
        assert response.headers["X-Robots-Tag"] == "noindex, nofollow"
