from __future__ import annotations

from datetime import time

from django.test import Client

from monitoring.alerts.models import Recipient
from monitoring.audit.models import AuditEntry
from tests.monitoring.console.conftest import Cast, client_of
from tests.monitoring.console.markup import text

ADDRESS = "/o/acme/alerts/routes/"
ME = "/o/acme/alerts/me/"
WANTED = {"working_days": ["1", "2", "3", "4", "5"], "digest": "daily", "digest_hour": "8"}


def test_a_viewer_chooses_how_they_are_told(cast: Cast) -> None:
    viewer = client_of(cast.viewer)
    page = text(viewer.get(ME))
    assert "No route leads to you" in page
    assert "Unsubscribe" not in page
    quiet = {"quiet_from": "22:00", "quiet_until": "07:00"}
    page = text(viewer.post(ME, WANTED | quiet, follow=True))
    for words in ("Saved.", "The next digest comes on Mon at 08:00", "in UTC"):
        assert words in page, words
    recipient = Recipient.objects.get(user=cast.viewer)
    assert (recipient.quiet_from, recipient.working_days) == (time(22), "12345")
    assert "Give both ends" in text(viewer.post(ME, WANTED | {"quiet_from": "22:00"}))
    assert "Write a time" in text(viewer.post(ME, WANTED | {"quiet_from": "late"}))
    assert "at least one day" in text(viewer.post(ME, WANTED | {"working_days": []}))


def test_an_admin_reads_what_they_are_told_and_unsubscribes_themself(
    cast: Cast, admin_client: Client
) -> None:
    shown = text(admin_client.post(ME, WANTED, follow=True))
    assert "Owners and admins are told of everything. The next digest comes" in shown
    assert "Send me a test" in text(admin_client.get(ADDRESS))
    gone = admin_client.post(f"{ME}unsubscribe", follow=True)
    assert "You are told nothing any more" in text(gone)
    assert "You unsubscribed just now" in text(gone)
    for promise in ("are told of everything", "The next digest comes"):
        assert promise not in text(gone), promise
    listed = text(admin_client.get(ADDRESS))
    assert "Nobody is told of some critical alerts" in listed
    assert "You can subscribe again" in listed
    assert "Send me a test" not in listed
    back = admin_client.post(f"{ME}resubscribe", follow=True)
    assert "You are told again." in text(back)
    entry = AuditEntry.objects.get(action="recipient.unsubscribe")
    assert (entry.author, "by" in entry.detail) == (cast.admin, False)
    assert not Recipient.objects.exclude(unsubscribed_at=None).exists()


def test_preferences_are_ones_own_and_strangers_find_nothing(cast: Cast, client: Client) -> None:
    stranger, viewer = client_of(cast.stranger), client_of(cast.viewer)
    assert stranger.get(ME).status_code == 404
    assert client.get(ME).status_code == 302
    assert viewer.delete(ME).status_code == 405
    assert viewer.get(f"{ME}unsubscribe").status_code == 405
    assert viewer.post(f"{ME}unsubscribe").status_code == 404
    assert viewer.get("/alerts/me/").status_code == 404
    assert client_of(cast.staff).post("/alerts/me/", WANTED).status_code == 302
    assert Recipient.objects.get().organization is None
    assert client_of(cast.staff).post("/alerts/me/dance").status_code == 404
