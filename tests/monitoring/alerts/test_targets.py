from __future__ import annotations

from datetime import time, timedelta
from zoneinfo import ZoneInfo

import pytest
from pytest_django import DjangoAssertNumQueries

from accounts.models import Member, Organization, Role, StaffTimeZone
from monitoring.alerts.hours import Hours
from monitoring.alerts.kinds import AlertKind, Severity
from monitoring.alerts.models import AlertPolicy, Recipient
from monitoring.alerts.plan_facts import Target, Waits
from monitoring.alerts.targets import targets_of, waits_of
from tests.factories import NOW, make_member, make_organization, make_user
from tests.monitoring.alerts.routing_makers import make_recipient, make_route

pytestmark = pytest.mark.django_db
UTC_HOURS = Hours(ZoneInfo("UTC"))


def told(organization: Organization | None, **told_recipients: list[int]) -> list[Target]:
    key = organization and organization.pk
    return targets_of([key], NOW, **told_recipients)[key]


def addresses(targets: list[Target]) -> list[str]:
    found = Recipient.objects.in_bulk([each.recipient for each in targets])
    return sorted(each.address for each in found.values())


def test_owners_and_admins_are_told_without_anybody_adding_them() -> None:
    acme = make_organization()
    make_member(acme, role=Role.OWNER, user=make_user(email="Olga@acme.example"))
    make_member(acme, user=make_user(email="ada@acme.example"))
    make_member(acme, role=Role.VIEWER)
    make_member(acme, user=make_user(email="gone@acme.example", is_active=False))
    nameless = make_member(acme).user
    nameless.email = ""
    nameless.save()
    assert addresses(told(acme)) == ["ada@acme.example", "olga@acme.example"]
    assert addresses(told(acme)) == ["ada@acme.example", "olga@acme.example"]
    assert Recipient.objects.count() == 2


def test_support_staff_are_told_of_incidents_everywhere_and_of_the_service() -> None:
    acme = make_organization()
    make_user(is_staff=True, email="sam@service.example")
    make_user(is_staff=True, is_active=False)
    incidents, service = told(acme)
    assert incidents.kinds == {AlertKind.INCIDENT}
    assert incidents.is_service
    assert service.is_service
    assert addresses([incidents]) == ["sam@service.example"]
    assert told(None) == [incidents, service]


def test_routes_that_are_written_replace_the_built_in_ones_of_their_organization_only() -> None:
    acme, globex = make_organization(), make_organization()
    make_member(acme)
    make_member(globex)
    box = make_recipient(acme)
    later = make_route(acme, [box], position=2, after=1_800)
    first = make_route(
        acme, [box], position=1, kinds=["stalled"], least_severity=2, teams=["Sales"]
    )
    found = targets_of([acme.pk, globex.pk], NOW)
    assert [each.route for each in found[acme.pk]] == [first.pk, later.pk]
    assert found[acme.pk][0] == Target(
        box.pk,
        route=first.pk,
        kinds=frozenset({AlertKind.STALLED}),
        least=Severity.WARNING,
        teams=frozenset({"Sales"}),
        hours=UTC_HOURS,
        address=box.address,
    )
    (admin,) = found[globex.pk]
    assert admin.route is None


def test_who_is_gone_is_told_of_nothing() -> None:
    acme = make_organization()
    demoted, left, off = make_member(acme), make_member(acme), make_member(acme)
    box, other = make_recipient(acme), make_recipient(acme)
    assert len(told(acme)) == 3
    mine = {each.user_id: each for each in Recipient.objects.exclude(user=None)}
    make_route(acme)
    make_route(acme, [*mine.values(), box, other])
    Member.objects.filter(pk=demoted.pk).update(role=Role.VIEWER)
    left.delete()
    off.user.is_active = False
    off.user.save()
    Recipient.objects.filter(pk=box.pk).update(unsubscribed_at=NOW)
    Recipient.objects.filter(pk=other.pk).update(removed_at=NOW)
    (target,) = told(acme)
    assert target.recipient == mine[demoted.user_id].pk


def test_support_staff_who_leave_are_told_of_nothing() -> None:
    sam = make_user(is_staff=True)
    assert told(None)
    sam.is_staff = False
    sam.save()
    assert told(None) == []


def test_an_address_that_changes_is_followed_and_who_comes_back_is_told_again() -> None:
    member = make_member(user=make_user(email="ada@acme.example"))
    told(member.organization)
    Recipient.objects.update(removed_at=NOW)
    member.user.email = "Ada@new.example"
    member.user.save()
    assert addresses(told(member.organization)) == ["ada@new.example"]


def test_hours_are_those_of_the_recipient_in_the_zone_of_the_member() -> None:
    member = make_member(time_zone="Asia/Tokyo")
    told(member.organization)
    Recipient.objects.update(
        quiet_from=time(22), quiet_until=time(7), working_days="12345", urgent_always=False
    )
    (target,) = told(member.organization)
    hours = target.hours
    assert hours.zone == ZoneInfo("Asia/Tokyo")
    assert (hours.quiet_from, hours.quiet_until) == (time(22), time(7))
    assert hours.days == {1, 2, 3, 4, 5}
    assert not hours.urgent_always


def test_support_staff_have_the_zone_they_chose_and_addresses_their_own() -> None:
    acme, sam = make_organization(), make_user(is_staff=True)
    StaffTimeZone.objects.create(user=sam, time_zone="Europe/Berlin")
    make_route(acme, [make_recipient(acme, time_zone="Asia/Tokyo")])
    make_route(acme, [make_recipient(acme, time_zone="Nowhere/Nowhere")])
    zones = [each.hours.zone for each in told(acme)]
    assert zones == [ZoneInfo(name) for name in ("Asia/Tokyo", "UTC", *["Europe/Berlin"] * 2)]


def test_the_last_message_to_an_address_counts_whichever_organization_it_was_of() -> None:
    acme, globex, ada = make_organization(), make_organization(), make_user(email="ada@x.example")
    make_member(acme, user=ada)
    make_member(globex, user=ada)
    told(acme)
    Recipient.objects.filter(organization=acme).update(told_at=NOW - timedelta(hours=1))
    (target,) = told(globex)
    assert target.told_at == NOW - timedelta(hours=1)


def test_chats_at_one_host_are_told_each_at_their_own_pace() -> None:
    acme, globex = make_organization(), make_organization()
    chat = {"channel": "chat", "address": "https://chat.example"}
    make_recipient(acme, told_at=NOW, **chat)
    make_route(globex, [make_recipient(globex, **chat)])
    (target,) = told(globex)
    assert target.told_at is None


def test_who_was_told_and_has_no_route_any_more_is_there_for_the_end() -> None:
    acme, globex = make_organization(), make_organization()
    make_member(acme)
    box, elsewhere = make_recipient(acme), make_recipient(globex)
    (admin, gone) = told(acme, told_recipients=[box.pk, elsewhere.pk])
    assert not admin.only_ends
    assert gone == Target(box.pk, hours=UTC_HOURS, address=box.address, only_ends=True)


def test_support_staff_who_are_admins_are_told_once() -> None:
    acme, sam = make_organization(), make_user(is_staff=True)
    make_member(acme, user=sam)
    own, incidents, service = told(acme)
    assert not own.is_service
    assert incidents.only_ends
    assert service.only_ends
    assert not any(each.only_ends for each in told(None))


@pytest.mark.parametrize("number", [1, 12])
def test_it_takes_three_statements_whatever_the_number_of_organizations(
    number: int, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    organizations = [make_organization() for _ in range(number)]
    for organization in organizations:
        make_member(organization)
        make_route(organization, [make_recipient(organization)])
    with django_assert_num_queries(3):
        found = targets_of([each.pk for each in organizations], NOW)
    assert [len(found[each.pk]) for each in organizations] == [1] * number


def test_waits_are_those_of_the_policy_or_built_in() -> None:
    acme, globex = make_organization(), make_organization()
    AlertPolicy.objects.create(organization=acme, opened=60, over=120, reminder=3_600)
    found = waits_of([acme.pk, globex.pk, None])
    assert found[acme.pk] == Waits(opened=60, over=120, reminder=3_600)
    assert found[globex.pk] == found[None] == Waits()
