from __future__ import annotations

import pytest
from django.core.exceptions import PermissionDenied

from accounts.access import Access, ServiceAccess, access_for, service_access_for
from accounts.models import Role
from monitoring.alerts.kinds import AlertKind, Severity
from monitoring.alerts.models import Route
from monitoring.alerts.refusals import AlertRefusedError
from monitoring.alerts.routes import (
    RouteWanted,
    route_add,
    route_change,
    route_move,
    route_remove,
    routes_restore,
)
from monitoring.alerts.targets import targets_of
from monitoring.audit.models import AuditEntry
from tests.factories import NOW, make_member, make_organization, make_person, make_user
from tests.monitoring.alerts.routing_makers import make_recipient, make_route

pytestmark = pytest.mark.django_db
EVERYTHING = RouteWanted("admins")


@pytest.fixture
def access() -> Access:
    member = make_member()
    return access_for(member.user, member.organization.slug)


@pytest.fixture
def service() -> ServiceAccess:
    return service_access_for(make_user(is_staff=True))


def names(access: Access | ServiceAccess) -> list[str]:
    found = Route.objects.visible_to(access).order_by("position", "id")
    return list(found.values_list("name", flat=True))


def audited() -> list[str]:
    return list(AuditEntry.objects.order_by("pk").values_list("action", flat=True))


def test_the_first_route_added_writes_the_built_in_ones_down_before_it(access: Access) -> None:
    box = make_recipient(access.organization, name="Support on call")
    wanted = RouteWanted("chosen", recipients=frozenset({box.pk}), after=1_800)
    route = route_add(access=access, wanted=wanted, now=NOW)
    assert names(access) == ["Owners and admins", "Support on call"]
    admin, later = targets_of([access.organization.pk], NOW)[access.organization.pk]
    assert (admin.after, later.after) == (0, 1_800)
    assert (later.recipient, later.route) == (box.pk, route.pk)
    entry = AuditEntry.objects.get()
    assert entry.action == "route.add"
    assert entry.detail["after"]["recipients"] == [box.pk]


def test_a_built_in_route_is_changed_by_its_key(access: Access) -> None:
    wanted = RouteWanted("admins", "Only the worst", least=Severity.CRITICAL)
    route = route_change(access=access, key="built-in-1", wanted=wanted, now=NOW)
    assert names(access) == ["Only the worst"]
    detail = AuditEntry.objects.get().detail
    assert (detail["before"]["least"], detail["after"]["least"]) == (1, 3)
    route_change(access=access, key=str(route.pk), wanted=wanted, now=NOW)
    assert audited() == ["route.change"]
    with pytest.raises(AlertRefusedError, match="changed it meanwhile"):
        route_change(access=access, key="built-in-1", wanted=EVERYTHING, now=NOW)


def test_a_team_is_known_in_any_case_and_first_as_it_is_written(access: Access) -> None:
    for team in ("Sales", "sales", "Research"):
        make_person(access.organization, team=team)
    for typed, kept in (("sales", "sales"), ("Sales", "Sales"), ("RESEARCH", "Research")):
        wanted = RouteWanted("admins", teams=frozenset({typed}))
        assert route_add(access=access, wanted=wanted, now=NOW).teams == [kept]


def test_of_several_spellings_none_of_which_was_typed_a_route_has_all(access: Access) -> None:
    for team in ("Sales", "sales", "Research"):
        make_person(access.organization, team=team)
    make_person(make_organization(), team="SALES")
    wanted = RouteWanted("admins", teams=frozenset({"SALES"}))
    assert route_add(access=access, wanted=wanted, now=NOW).teams == ["Sales", "sales"]


def test_spellings_count_among_the_most_teams_a_route_may_have(access: Access) -> None:
    for number in range(11):
        make_person(access.organization, team=f"a{number}")
        make_person(access.organization, team=f"A{number}")
        make_person(access.organization, team=f"ß{number}")
    few = RouteWanted("admins", teams=frozenset(f"SS{each}" for each in range(11)))
    assert len(route_add(access=access, wanted=few, now=NOW).teams) == 11
    many = RouteWanted("admins", teams=frozenset(f"a{each}" for each in range(11)))
    assert len(route_add(access=access, wanted=many, now=NOW).teams) == 11
    for number in range(11):
        make_person(access.organization, team=f"sS{number}")
    with pytest.raises(AlertRefusedError, match="20 teams"):
        route_add(access=access, wanted=few, now=NOW)


def test_all_kinds_are_kept_as_none_and_teams_sorted(access: Access) -> None:
    make_person(access.organization, team="Sales")
    make_person(access.organization, team="Research")
    teams = frozenset({"Sales", "Research"})
    wanted = RouteWanted("admins", kinds=frozenset(AlertKind) - {AlertKind.SERVICE}, teams=teams)
    route = route_add(access=access, wanted=wanted, now=NOW)
    assert route.kinds == []
    assert route.teams == ["Research", "Sales"]


def test_routes_change_places_and_stop_at_the_ends(access: Access) -> None:
    first, second, third = (make_route(access.organization, name=each) for each in "abc")
    route_move(access=access, key=str(third.pk), up=True, now=NOW)
    assert names(access) == ["a", "c", "b"]
    route_move(access=access, key=str(first.pk), up=False, now=NOW)
    assert names(access) == ["c", "a", "b"]
    route_move(access=access, key=str(third.pk), up=True, now=NOW)
    route_move(access=access, key=str(second.pk), up=False, now=NOW)
    assert names(access) == ["c", "a", "b"]
    assert audited() == ["route.move", "route.move"]


def test_one_is_removed_and_the_last_one_stays(access: Access) -> None:
    first, second = make_route(access.organization, name="a"), make_route(access.organization)
    route_remove(access=access, key=str(first.pk), now=NOW)
    with pytest.raises(AlertRefusedError, match="last route"):
        route_remove(access=access, key=str(second.pk), now=NOW)
    with pytest.raises(AlertRefusedError, match="gone"):
        route_remove(access=access, key=str(first.pk), now=NOW)
    assert Route.objects.get() == second
    assert AuditEntry.objects.get().detail["before"]["name"] == "a"


def test_the_built_in_ones_are_restored_once(access: Access) -> None:
    elsewhere = make_route(make_organization())
    make_route(access.organization)
    assert routes_restore(access=access, now=NOW)
    assert not routes_restore(access=access, now=NOW)
    assert Route.objects.get() == elsewhere
    assert audited() == ["route.restore"]


@pytest.mark.parametrize(
    ("wanted", "field"),
    [
        (RouteWanted("support"), "audience"),
        (RouteWanted("nobody"), "audience"),
        (RouteWanted("chosen"), "recipients"),
        (RouteWanted("chosen", recipients=frozenset({10**9})), "recipients"),
        (RouteWanted("admins", after=-1), "after"),
        (RouteWanted("admins", after=8 * 86_400), "after"),
        (RouteWanted("admins", "x" * 101), "name"),
        (RouteWanted("admins", teams=frozenset({"Nobody's"})), "teams"),
        (RouteWanted("admins", frozenset({AlertKind.COVERAGE}), teams=frozenset("S")), "teams"),
        (RouteWanted("admins", teams=frozenset(map(str, range(21)))), "teams"),
    ],
)
def test_what_a_route_can_not_be_is_said_and_nothing_is_written(
    access: Access, wanted: RouteWanted, field: str
) -> None:
    with pytest.raises(AlertRefusedError) as refusal:
        route_add(access=access, wanted=wanted, now=NOW)
    assert refusal.value.field == field
    assert not Route.objects.exists()
    assert not AuditEntry.objects.exists()


def test_recipients_of_others_and_removed_ones_can_not_be_chosen(access: Access) -> None:
    theirs = make_recipient(make_organization())
    gone = make_recipient(access.organization, removed_at=NOW)
    for recipient in (theirs, gone, make_recipient(None)):
        wanted = RouteWanted("chosen", recipients=frozenset({recipient.pk}))
        with pytest.raises(AlertRefusedError, match="at least one"):
            route_add(access=access, wanted=wanted, now=NOW)


def test_there_are_not_too_many(access: Access) -> None:
    for _ in range(50):
        make_route(access.organization)
    with pytest.raises(AlertRefusedError, match="50 routes"):
        route_add(access=access, wanted=EVERYTHING, now=NOW)


def test_who_may_only_look_changes_nothing_and_others_routes_are_not_found(access: Access) -> None:
    viewer = make_member(access.organization, role=Role.VIEWER).user
    looking = access_for(viewer, access.organization.slug)
    mine, theirs = make_route(access.organization), make_route(make_organization())
    key = str(mine.pk)
    for change in (
        lambda: route_add(access=looking, wanted=EVERYTHING, now=NOW),
        lambda: route_change(access=looking, key=key, wanted=EVERYTHING, now=NOW),
        lambda: route_move(access=looking, key=key, up=True, now=NOW),
        lambda: route_remove(access=looking, key=key, now=NOW),
        lambda: routes_restore(access=looking, now=NOW),
    ):
        with pytest.raises(PermissionDenied):
            change()
    with pytest.raises(AlertRefusedError, match="gone"):
        route_change(access=access, key=str(theirs.pk), wanted=EVERYTHING, now=NOW)


def test_the_services_routes_are_their_own_and_for_support_alone(
    access: Access, service: ServiceAccess
) -> None:
    wanted = RouteWanted("support", kinds=frozenset({AlertKind.INCIDENT}), after=3_600)
    route_add(access=service, wanted=wanted, now=NOW)
    assert names(service) == ["Support: incidents", "Support: the service", "Support staff"]
    assert names(access) == []
    assert AuditEntry.objects.get().organization is None
    with pytest.raises(AlertRefusedError, match="who is told"):
        route_add(access=service, wanted=EVERYTHING, now=NOW)
    with pytest.raises(AlertRefusedError, match="of one organization"):
        route_add(access=service, wanted=RouteWanted("support", teams=frozenset("S")), now=NOW)
    service.user.is_staff = False
    with pytest.raises(PermissionDenied):
        routes_restore(access=service, now=NOW)
