from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.core.exceptions import PermissionDenied
from hypothesis import given
from hypothesis import strategies as st

from accounts.access import Access, access_for, service_access_for
from accounts.models import Role, StaffTimeZone
from monitoring.alerts.alert_policy import AlertPolicyFacts, alert_policy_of, alert_policy_save
from monitoring.alerts.digest_times import digest_after
from monitoring.alerts.hours import Hours
from monitoring.alerts.models import Recipient
from monitoring.alerts.preferences import Preferences, preferences_of, preferences_save
from monitoring.alerts.refusals import AlertRefusedError
from monitoring.audit.models import AuditEntry
from tests.factories import NOW, make_member, make_organization, make_user

BERLIN = ZoneInfo("Europe/Berlin")
zones = st.sampled_from([ZoneInfo(name) for name in ("UTC", "Europe/Berlin", "Asia/Kolkata",
                                                     "America/New_York")])  # fmt: skip
moments = st.integers(0, 730 * 24 * 60).map(lambda minutes: NOW + timedelta(minutes=minutes))


@given(st.sampled_from(["daily", "weekly"]), st.integers(0, 23), zones, moments)
def test_the_next_digest_is_soon_and_on_a_monday_where_it_is_weekly(
    digest: str, hour: int, zone: ZoneInfo, now: datetime
) -> None:
    at = digest_after(digest, hour, Hours(zone), now)
    assert at is not None
    longest = timedelta(days=7 if digest == "weekly" else 1, hours=2)
    assert now < at <= now + longest
    if digest == "weekly":
        assert datetime.combine(at.astimezone(zone), time(), zone).isoweekday() == 1
    following = digest_after(digest, hour, Hours(zone), at)
    assert following is not None
    assert following > at


def test_the_hour_is_that_of_the_clock_on_the_wall_in_winter_and_summer() -> None:
    assert digest_after("daily", 8, Hours(BERLIN), NOW) == datetime(2026, 11, 21, 7, tzinfo=UTC)
    summer = datetime(2026, 7, 1, 12, tzinfo=UTC)
    assert digest_after("daily", 8, Hours(BERLIN), summer) == datetime(2026, 7, 2, 6, tzinfo=UTC)
    assert digest_after("weekly", 8, Hours(BERLIN), NOW) == datetime(2026, 11, 23, 7, tzinfo=UTC)
    assert digest_after("never", 8, Hours(BERLIN), NOW) is None


@pytest.fixture
def access(db: None) -> Access:
    member = make_member(role=Role.VIEWER, time_zone="Europe/Berlin")
    return access_for(member.user, member.organization.slug)


def save(access: Any, **wanted: Any) -> Recipient:
    return preferences_save(access=access, wanted=Preferences(**wanted), now=NOW)


def test_a_viewer_sets_their_own_and_gets_digests_from_then_on(access: Access) -> None:
    hours = {"quiet_from": time(22), "quiet_until": time(7), "urgent_always": False}
    recipient = save(access, **hours, working_days="12345", digest="daily", digest_hour=9)
    assert recipient.user == access.user
    # On the next working day.
    assert recipient.digest_at == datetime(2026, 11, 23, 8, tzinfo=UTC)
    stored = preferences_of(Recipient.objects.get())
    assert stored == Preferences(time(22), time(7), "12345", False, "daily", 9)
    save(access, **hours, working_days="12345", digest="daily", digest_hour=9)
    entry = AuditEntry.objects.get()
    assert entry.action == "recipient.preferences"
    assert entry.detail["quiet_from"] == "22:00"
    assert save(access).digest_at is None


def test_who_was_removed_comes_back_by_their_own_choice(access: Access) -> None:
    save(access, digest="daily")
    Recipient.objects.update(removed_at=NOW)
    assert save(access, digest="weekly").removed_at is None


@pytest.mark.parametrize(
    ("wanted", "field"),
    [
        ({"quiet_from": time(22)}, "quiet_until"),
        ({"quiet_from": time(22), "quiet_until": time(22)}, "quiet_until"),
        ({"working_days": ""}, "working_days"),
        ({"working_days": "128"}, "working_days"),
        ({"digest": "hourly"}, "digest"),
        ({"digest_hour": 24}, "digest_hour"),
    ],
)
def test_what_can_not_be_is_refused(access: Access, wanted: dict[str, Any], field: str) -> None:
    with pytest.raises(AlertRefusedError) as refusal:
        save(access, **wanted)
    assert refusal.value.field == field
    assert not Recipient.objects.exists()


def test_support_staff_set_those_of_the_service_and_no_organizations(access: Access) -> None:
    sam = make_user(is_staff=True)
    StaffTimeZone.objects.create(user=sam, time_zone="Asia/Tokyo")
    recipient = save(service_access_for(sam), digest="daily")
    assert recipient.organization is None
    assert recipient.digest_at == datetime(2026, 11, 20, 23, tzinfo=UTC)
    with pytest.raises(AlertRefusedError, match="don't belong"):
        save(access_for(sam, access.organization.slug), digest="daily")


def test_without_an_address_nobody_is_told(access: Access) -> None:
    access.user.email = ""
    with pytest.raises(AlertRefusedError, match="no mail address"):
        save(access)


def test_the_policy_is_set_and_audited_once(db: None) -> None:
    member = make_member()
    access = access_for(member.user, member.organization.slug)
    assert alert_policy_of(access.organization) == AlertPolicyFacts()
    wanted = AlertPolicyFacts(opened=60, asks_people=True)
    for _ in range(2):
        alert_policy_save(access=access, wanted=wanted, now=NOW)
    assert alert_policy_of(access.organization) == wanted
    detail = AuditEntry.objects.get().detail
    assert (detail["before"]["opened"], detail["after"]["opened"]) == (900, 60)
    assert alert_policy_of(make_organization()) == AlertPolicyFacts()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("opened", 90_000),
        ("over", -1),
        ("reminder", 60),
        ("unknown_share", 0),
        ("coverage_drop", 2),
    ],
)
def test_numbers_out_of_bounds_are_refused(db: None, field: str, value: float) -> None:
    member = make_member()
    access = access_for(member.user, member.organization.slug)
    with pytest.raises(AlertRefusedError) as refusal:
        alert_policy_save(access=access, wanted=AlertPolicyFacts(**{field: value}), now=NOW)  # type: ignore[arg-type]
    assert refusal.value.field == field


def test_a_viewer_does_not_set_the_policy(access: Access) -> None:
    with pytest.raises(PermissionDenied):
        alert_policy_save(access=access, wanted=AlertPolicyFacts(opened=0), now=NOW)
