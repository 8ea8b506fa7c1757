from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.core.exceptions import PermissionDenied

from accounts.access import Access, access_for, service_access_for
from accounts.models import Role
from monitoring.alerts.digest_times import digest_after
from monitoring.alerts.hours import Hours
from monitoring.alerts.models import Recipient
from monitoring.alerts.preferences import Preferences
from monitoring.alerts.recipient_changes import (
    recipient_add,
    recipient_change,
    recipient_member_add,
    recipient_remove,
)
from monitoring.alerts.recipients import recipients_make
from monitoring.alerts.refusals import AlertRefusedError
from monitoring.audit.models import AuditEntry
from tests.factories import NOW, make_member, make_organization, make_user
from tests.monitoring.alerts.routing_makers import make_recipient, make_route

pytestmark = pytest.mark.django_db


@pytest.fixture
def access() -> Access:
    member = make_member()
    return access_for(member.user, member.organization.slug)


def add(access: Access, address: str = "box@acme.example", name: str = "The box") -> Recipient:
    return recipient_add(access=access, address=address, name=name, now=NOW)


def test_a_mailbox_is_added_once(access: Access) -> None:
    recipient = add(access, " Box@Acme.example ", "The\nbox")
    assert (recipient.address, recipient.name) == ("box@acme.example", "The box")
    with pytest.raises(AlertRefusedError, match="already"):
        add(access)
    assert AuditEntry.objects.get().detail["address"] == "box@acme.example"


def test_the_same_mailbox_may_be_of_two_organizations(access: Access) -> None:
    make_recipient(make_organization(), address="box@acme.example")
    assert add(access).organization == access.organization


def test_who_has_unsubscribed_stays_so_when_they_are_added_anew(access: Access) -> None:
    recipient = add(access)
    Recipient.objects.update(unsubscribed_at=NOW)
    assert recipient_remove(access=access, recipient=recipient, now=NOW)
    again = add(access)
    assert again.pk == recipient.pk
    assert again.removed_at is None
    assert again.unsubscribed_at == NOW


@pytest.mark.parametrize("address", ["", "box", "box@", "box@acme.example\nBcc: x@y.example"])
def test_what_is_no_address_is_refused(access: Access, address: str) -> None:
    with pytest.raises(AlertRefusedError) as refusal:
        add(access, address)
    assert refusal.value.field == "address"
    assert not Recipient.objects.exists()


def test_a_members_address_and_a_zone_nobody_knows_are_refused(access: Access) -> None:
    with pytest.raises(AlertRefusedError, match="Choose them by name"):
        add(access, access.user.email.upper())
    with pytest.raises(AlertRefusedError, match="zone"):
        recipient_add(access=access, address="box@acme.example", name="", time_zone="Mars", now=NOW)


def test_there_are_not_too_many(access: Access) -> None:
    fields = {"organization": access.organization, "created_at": NOW}
    Recipient.objects.bulk_create(
        Recipient(address=f"box{number}@x.example", **fields) for number in range(200)
    )
    with pytest.raises(AlertRefusedError, match="200 recipients"):
        add(access)


def test_a_viewer_is_made_a_recipient_and_removed_again(access: Access) -> None:
    viewer = make_member(access.organization, role=Role.VIEWER)
    recipient = recipient_member_add(access=access, member=viewer, now=NOW)
    assert recipient.user == viewer.user
    with pytest.raises(AlertRefusedError, match="already"):
        recipient_member_add(access=access, member=viewer, now=NOW)
    assert recipient_remove(access=access, recipient=recipient, now=NOW)
    assert not recipient_remove(access=access, recipient=recipient, now=NOW)
    assert recipient_member_add(access=access, member=viewer, now=NOW).pk == recipient.pk
    actions = list(AuditEntry.objects.order_by("pk").values_list("action", flat=True))
    assert actions == ["recipient.add", "recipient.remove", "recipient.add"]


def test_members_of_others_or_without_an_address_are_refused(access: Access) -> None:
    with pytest.raises(PermissionDenied):
        recipient_member_add(access=access, member=make_member(), now=NOW)
    nameless = make_member(access.organization)
    nameless.user.email = ""
    with pytest.raises(AlertRefusedError, match="no mail address"):
        recipient_member_add(access=access, member=nameless, now=NOW)


def test_who_is_there_by_their_role_can_not_be_removed(access: Access) -> None:
    recipients_make(organization_ids=[access.organization.pk], now=NOW)
    with pytest.raises(AlertRefusedError, match="by their role"):
        recipient_remove(access=access, recipient=Recipient.objects.get(), now=NOW)
    sam = make_user(is_staff=True)
    recipients_make(organization_ids=[], now=NOW)
    theirs = Recipient.objects.get(user=sam)
    with pytest.raises(AlertRefusedError, match="by their role"):
        recipient_remove(access=service_access_for(sam), recipient=theirs, now=NOW)


def test_who_leaves_is_taken_out_of_routes_but_never_empties_one(access: Access) -> None:
    box, other = make_recipient(access.organization), make_recipient(access.organization)
    route = make_route(access.organization, [box, other], name="Both")
    box.secret = b"secret"
    box.save()
    recipient_remove(access=access, recipient=box, now=NOW)
    assert list(route.recipients.all()) == [other]
    box.refresh_from_db()
    assert box.secret is None
    with pytest.raises(AlertRefusedError, match="“Both” would have nobody left"):
        recipient_remove(access=access, recipient=other, now=NOW)


def test_an_address_is_changed_by_an_admin_and_a_member_by_nobody_else(access: Access) -> None:
    box = make_recipient(access.organization)
    wanted = Preferences(working_days="12345")
    for _ in range(2):
        recipient_change(
            access=access,
            recipient=box,
            name="Night shift",
            time_zone="Asia/Tokyo",
            wanted=wanted,
            now=NOW,
        )
    box.refresh_from_db()
    assert (box.name, box.time_zone, box.working_days) == ("Night shift", "Asia/Tokyo", "12345")
    assert AuditEntry.objects.get().detail["working_days"] == "12345"
    recipients_make(organization_ids=[access.organization.pk], now=NOW)
    own = Recipient.objects.get(user=access.user)
    with pytest.raises(AlertRefusedError, match="Only they themself"):
        recipient_change(
            access=access, recipient=own, name="", time_zone="UTC", wanted=wanted, now=NOW
        )


def change(access: Access, recipient: Recipient, zone: str, wanted: Preferences) -> datetime | None:
    recipient_change(
        access=access, recipient=recipient, name="Box", time_zone=zone, wanted=wanted, now=NOW
    )
    recipient.refresh_from_db()
    at: datetime | None = recipient.digest_at
    return at


def test_an_addresss_digest_comes_at_its_hour_and_follows_its_zone(access: Access) -> None:
    box = make_recipient(access.organization)
    wanted = Preferences(digest="daily", digest_hour=9)
    for zone in ("UTC", "Asia/Tokyo"):
        at = digest_after("daily", 9, Hours(ZoneInfo(zone)), NOW)
        assert change(access, box, zone, wanted) == at
    last = AuditEntry.objects.latest("pk")
    assert (last.action, last.detail["digest"], last.detail["digest_hour"]) == (
        "recipient.change",
        "daily",
        9,
    )
    assert change(access, box, "UTC", Preferences()) is None


def test_a_digest_that_is_due_stays_due_when_only_the_name_is_changed(access: Access) -> None:
    due = NOW - timedelta(minutes=1)
    box = make_recipient(access.organization, digest="daily", digest_hour=9, digest_at=due)
    assert change(access, box, "UTC", Preferences(digest="daily", digest_hour=9)) == due


def test_a_chat_gets_no_digest(access: Access) -> None:
    chat = make_recipient(access.organization, channel="chat")
    with pytest.raises(AlertRefusedError, match="by mail only"):
        change(access, chat, "UTC", Preferences(digest="daily"))


def test_who_may_only_look_and_strangers_change_nobody(access: Access) -> None:
    viewer = make_member(access.organization, role=Role.VIEWER)
    looking = access_for(viewer.user, access.organization.slug)
    theirs, mine = make_recipient(make_organization()), make_recipient(access.organization)
    for change in (
        lambda: add(looking),
        lambda: recipient_member_add(access=looking, member=viewer, now=NOW),
        lambda: recipient_remove(access=looking, recipient=mine, now=NOW),
        lambda: recipient_remove(access=access, recipient=theirs, now=NOW),
    ):
        with pytest.raises(PermissionDenied):
            change()
    assert Recipient.objects.count() == 2
