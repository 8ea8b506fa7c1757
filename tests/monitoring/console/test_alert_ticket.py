from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from accounts.models import Member
from monitoring.alerts.models import Alert, Recipient
from monitoring.alerts.tickets import token_of
from monitoring.audit.models import AuditEntry
from tests.factories import NOW, make_member, make_user
from tests.monitoring.alerts.routing_makers import make_recipient
from tests.monitoring.console.alert_makers import make_alert, make_over
from tests.monitoring.console.conftest import Cast
from tests.monitoring.console.makers import make_unwell
from tests.monitoring.console.markup import markup, text

HOUR = timedelta(hours=1)


def address(alert: Alert, recipient: Recipient) -> str:
    return f"/alert/{token_of('acknowledge', alert.pk, recipient.pk)}/"


@pytest.fixture
def alert(cast: Cast) -> Alert:
    return make_alert(cast.acme, people=5)


@pytest.fixture
def casey(cast: Cast) -> Recipient:
    return make_recipient(cast.acme, name="Casey Admin", time_zone="Europe/Berlin")


def again(alert: Alert) -> Alert:
    return Alert.objects.get(pk=alert.pk)


def test_the_page_says_what_it_is_about_without_a_sign_in(
    cast: Cast, client: Client, alert: Alert, casey: Recipient
) -> None:
    make_unwell(cast.acme, "stalled", "google-access-revoked", name="Ada Lovelace")
    response = client.get(address(alert, casey))
    assert response.status_code == 200
    page = text(response)
    for words in (
        "5 people must give access again: Google access was revoked",
        "Since 2026-11-20 10:00 (Europe/Berlin)",
        "Nobody has acknowledged it yet.",
        "for Acme",
    ):
        assert words in page
    assert "Ada Lovelace" not in page
    assert f"http://127.0.0.1:8000/o/acme/alerts/{alert.pk}/" in markup(response).links
    assert markup(response).violations == []


def test_one_acknowledged_a_week_ago_is_acknowledged_anew(
    client: Client, alert: Alert, casey: Recipient
) -> None:
    long_ago = NOW - timedelta(days=8)
    Alert.objects.update(acknowledged_at=long_ago, acknowledged_by_name="Bea Admin")
    page = text(client.get(address(alert, casey)))
    assert "That was more than 7 days ago, so reminders go out again." in page
    client.post(address(alert, casey))
    assert again(alert).acknowledged_by_name == "Casey Admin"


def test_following_the_link_changes_nothing(client: Client, alert: Alert, casey: Recipient) -> None:
    for _ in range(2):
        assert client.get(address(alert, casey)).status_code == 200
        assert client.head(address(alert, casey)).status_code == 200
    assert again(alert).acknowledged_at is None
    assert not AuditEntry.objects.exists()


def test_the_button_acknowledges_in_the_name_of_the_recipient(
    client: Client, alert: Alert, casey: Recipient
) -> None:
    response = client.post(address(alert, casey), follow=True)
    assert response.redirect_chain == [(address(alert, casey), 302)]
    page = text(response)
    assert "Casey Admin acknowledged it just now" in page
    assert (
        "Nobody is reminded of it for 7 days from then, unless more people are concerned." in page
    )
    assert "Acknowledge" not in page
    assert again(alert).acknowledged_by_name == "Casey Admin"
    entry = AuditEntry.objects.get()
    assert (entry.action, entry.author, entry.author_name) == (
        "alert.acknowledge", None, "Casey Admin",
    )  # fmt: skip
    assert entry.detail == {"alert": alert.pk, "by": "link"}


def test_the_form_is_not_taken_from_elsewhere(alert: Alert, casey: Recipient) -> None:
    client = Client(enforce_csrf_checks=True)
    assert client.post(address(alert, casey)).status_code == 403
    assert again(alert).acknowledged_at is None


def test_a_recipient_without_a_name_signs_with_their_address(
    cast: Cast, client: Client, alert: Alert
) -> None:
    box = make_recipient(cast.acme, name="", address="team@acme.example")
    client.post(address(alert, box))
    assert again(alert).acknowledged_by_name == "team@acme.example"


def test_who_comes_second_sees_who_was_faster(
    cast: Cast, client: Client, alert: Alert, casey: Recipient
) -> None:
    client.post(address(alert, make_recipient(cast.acme, name="Bea Admin")))
    page = text(client.post(address(alert, casey), follow=True))
    assert "Bea Admin acknowledged it" in page
    assert again(alert).acknowledged_by_name == "Bea Admin"


def test_what_is_over_says_so(cast: Cast, client: Client, casey: Recipient) -> None:
    over = make_over(cast.acme)
    for response in (
        client.get(address(over, casey)),
        client.post(address(over, casey), follow=True),
    ):
        page = text(response)
        assert (
            "Over after 2 h: Google access was revoked, 4 people had to give access again" in page
        )
        assert "It is over, so there is nothing left to acknowledge." in page
    assert again(over).acknowledged_at is None


def test_support_acknowledges_what_is_the_services_own(cast: Cast, client: Client) -> None:
    alert = make_alert(None, kind="service", cause="workers", people=0)
    support = make_recipient(None, user=cast.staff, name="")
    response = client.get(address(alert, support))
    assert "No worker is at work" in text(response)
    assert f"http://127.0.0.1:8000/alerts/{alert.pk}/" in markup(response).links
    client.post(address(alert, support))
    assert again(alert).acknowledged_by_name == cast.staff.email


def test_an_address_of_the_service_acknowledges_whatever_it_is_told_of(
    cast: Cast, client: Client, alert: Alert
) -> None:
    pager = make_recipient(None, name="Pager")
    client.post(address(alert, pager))
    assert again(alert).acknowledged_by_name == "Pager"


def test_who_may_only_look_sees_no_button_and_acknowledges_nothing(
    cast: Cast, client: Client, alert: Alert
) -> None:
    viewer = make_recipient(cast.acme, user=cast.viewer)
    response = client.get(address(alert, viewer))
    assert response.status_code == 200
    assert "Owners and admins may" in text(response)
    assert b"<form" not in response.content
    refusal = client.post(address(alert, viewer))
    assert refusal.status_code == 403
    assert "Only owners and admins may acknowledge" in text(refusal)
    assert again(alert).acknowledged_at is None
    Member.objects.filter(user=cast.viewer).update(role="admin")
    assert client.post(address(alert, viewer)).status_code == 302
    assert again(alert).acknowledged_at is not None


def refused(client: Client, where: str) -> bool:
    found = [client.get(where), client.post(where)]
    assert all("This link does not open" in text(each) for each in found if each.status_code == 404)
    return [each.status_code for each in found] == [404, 404]


def test_a_link_that_is_not_ours_opens_nothing(client: Client, db: None) -> None:
    for token in (
        "nonsense",
        "1-1.forged",
        token_of("unsubscribe", 1),
        token_of("acknowledge", 1, 1),
    ):
        assert refused(client, f"/alert/{token}/")


@pytest.mark.parametrize("fields", [{"removed_at": NOW}])
def test_who_was_removed_opens_nothing(
    cast: Cast, client: Client, alert: Alert, fields: dict[str, Any]
) -> None:
    assert refused(client, address(alert, make_recipient(cast.acme, **fields)))


def test_who_has_left_or_belongs_elsewhere_opens_nothing(
    cast: Cast, client: Client, alert: Alert
) -> None:
    left = make_recipient(cast.acme, user=make_user())
    off = make_recipient(
        cast.acme, user=make_member(cast.acme, user=make_user(is_active=False)).user
    )
    elsewhere = make_recipient(cast.globex)
    no_staff_any_more = make_recipient(None, user=make_user())
    for recipient in (left, off, elsewhere, no_staff_any_more):
        assert refused(client, address(alert, recipient))
    member = make_recipient(cast.acme, user=cast.admin)
    assert client.get(address(alert, member)).status_code == 200
    assert refused(client, address(make_alert(None), member))


def test_a_link_of_what_is_long_over_opens_nothing(
    cast: Cast, client: Client, casey: Recipient
) -> None:
    lately, long_ago = (
        make_over(cast.acme, cause=str(days), began_at=NOW - 99 * 24 * HOUR,
                  ended_at=NOW - timedelta(days=days))
        for days in (30, 31)
    )  # fmt: skip
    assert client.get(address(lately, casey)).status_code == 200
    assert refused(client, address(long_ago, casey))


def test_the_address_is_kept_from_caches_engines_and_other_sites(
    client: Client, alert: Alert, casey: Recipient
) -> None:
    headers = client.get(address(alert, casey)).headers
    assert "no-store" in headers["Cache-Control"]
    assert headers["X-Robots-Tag"] == "noindex, nofollow"
    assert headers["Referrer-Policy"] == "same-origin"


def test_a_wrong_method_is_refused(client: Client, alert: Alert, casey: Recipient) -> None:
    assert client.put(address(alert, casey)).status_code == 405
    assert client.delete(address(alert, casey)).status_code == 405


def test_nobody_fills_the_audit_log_with_a_link(
    client: Client, alert: Alert, casey: Recipient, settings: Any
) -> None:
    settings.ACCOUNT_RATE_LIMITS = {"alert_ticket": "2/h/key"}
    for _ in range(2):
        assert client.post(address(alert, casey)).status_code == 302
    response = client.post(address(alert, casey))
    assert response.status_code == 429
    assert "often enough" in text(response)
    assert client.get(address(alert, casey)).status_code == 200


def test_hostile_text_is_text_on_the_page(cast: Cast, client: Client, alert: Alert) -> None:
    name = '"><script>run()</script>'
    Alert.objects.update(acknowledged_at=NOW, acknowledged_by_name=name)
    response = client.get(address(alert, make_recipient(cast.acme)))
    assert "&lt;script&gt;run()&lt;/script&gt;" in response.content.decode()
    assert markup(response).violations == []
