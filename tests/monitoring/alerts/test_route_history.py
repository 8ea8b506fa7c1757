"""When the built-in routes were in force."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from django.db import connection
from hypothesis import given
from hypothesis import strategies as st
from pytest_django import DjangoAssertNumQueries

from accounts.access import Access, access_for, service_access_for
from monitoring.alerts.route_history import (
    RESTORED,
    RouteChange,
    route_changes,
    were_built_in,
)
from monitoring.alerts.routes import RouteWanted, route_add, routes_restore
from monitoring.audit.log import audit_entry_write
from monitoring.audit.models import AuditEntry
from tests.factories import NOW, make_member, make_organization, make_user

HOUR = timedelta(hours=1)
ADDED = "route.add"
moments = st.integers(0, 10).map(lambda hours: NOW + hours * HOUR)
actions = st.sampled_from([ADDED, "route.remove", RESTORED])


@given(
    written=st.lists(st.tuples(moments, actions), max_size=6),
    at=moments,
)
def test_built_in_routes_are_in_force_until_others_are_written_and_once_restored(
    written: list[tuple[datetime, str]], at: datetime
) -> None:
    changes = [RouteChange(*each) for each in sorted(written, key=lambda each: each[0])]
    is_built_in = True
    for change in changes:
        if change.at <= at:
            is_built_in = change.action == RESTORED
    assert were_built_in(changes, at) == is_built_in


@pytest.fixture
def access() -> Access:
    member = make_member()
    return access_for(member.user, member.organization.slug)


@pytest.mark.django_db
def test_changes_are_those_of_routes_by_whose_they_are(
    access: Access, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    acme, globex = access.organization, make_organization()
    service = service_access_for(make_user(is_staff=True))
    route_add(access=access, wanted=RouteWanted("admins"), now=NOW)
    routes_restore(access=access, now=NOW + HOUR)
    route_add(access=service, wanted=RouteWanted("support"), now=NOW)
    audit_entry_write(organization=acme, action="view.share", now=NOW, author=access.user)
    with django_assert_num_queries(1):
        found = route_changes({acme.pk, globex.pk, None})
    assert found == {
        acme.pk: [RouteChange(NOW, ADDED), RouteChange(NOW + HOUR, RESTORED)],
        None: [RouteChange(NOW, ADDED)],
    }
    assert route_changes({acme.pk}).keys() == {acme.pk}
    with django_assert_num_queries(0):
        assert route_changes(set()) == {}


@pytest.mark.django_db
def test_they_are_found_by_an_index_of_theirs_alone(access: Access) -> None:
    acme = access.organization
    AuditEntry.objects.bulk_create(
        AuditEntry(organization=acme, at=NOW, author_name="x", action="view.share")
        for _ in range(2_000)
    )
    route_add(access=access, wanted=RouteWanted("admins"), now=NOW)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE audit_auditentry")
    mine = AuditEntry.objects.filter(organization=acme).of_routes().order_by("at", "id")
    assert "audit_of_routes" in mine.explain()
