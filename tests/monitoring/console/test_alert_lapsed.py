"""What the console says of an alert whose acknowledgement counts no more."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from monitoring.alerts.kinds import AlertKind
from monitoring.alerts.models import Alert
from tests.factories import NOW
from tests.monitoring.console.alert_makers import CAUSE, make_alert
from tests.monitoring.console.conftest import Cast, client_of
from tests.monitoring.console.incident_makers import make_incident
from tests.monitoring.console.makers import make_unwell
from tests.monitoring.console.markup import text

ADDRESS = "/o/acme/alerts/"
DAY = timedelta(days=1)
LAPSED = "Casey acknowledged it on 12 Nov at 13:00; reminders go out again"
EITHER = pytest.mark.parametrize(("days", "waits"), [(6, False), (8, True)])


def taken(days: int) -> dict[str, Any]:
    return {"acknowledged_at": NOW - days * DAY, "acknowledged_by_name": "Casey"}


@EITHER
def test_the_list_says_that_reminders_go_out_again(
    cast: Cast, admin_client: Client, days: int, *, waits: bool
) -> None:
    alert = make_alert(cast.acme, **taken(days))
    page = text(admin_client.get(ADDRESS))
    assert (f"Open Warning · {LAPSED}" in page) == waits
    assert ("Acknowledged Warning · by Casey on Sat at 13:00" in page) != waits
    assert ("1 alert is open that nobody has acknowledged" in page) == waits
    assert ("1 alert is open, and none waits for anybody" in page) != waits
    rows = admin_client.get(f"{ADDRESS}?state=waiting").context["rows"]
    assert [row.id for row in rows] == [alert.pk] * waits


@EITHER
def test_the_navigation_counts_it(
    cast: Cast, admin_client: Client, days: int, *, waits: bool
) -> None:
    make_alert(cast.acme, **taken(days))
    page = admin_client.get("/o/acme/people/")
    assert page.context["alerts_waiting"] == int(waits)
    assert ("Alerts 1 nobody has acknowledged" in text(page)) == waits


@EITHER
def test_support_staff_read_that_it_waits_for_them(cast: Cast, days: int, *, waits: bool) -> None:
    make_alert(None, kind=AlertKind.SERVICE, cause="workers", **taken(days))
    page = client_of(cast.staff).get("/organizations/")
    assert page.context["alerts_waiting"] == int(waits)


@EITHER
def test_the_overview_tells_it(cast: Cast, admin_client: Client, days: int, *, waits: bool) -> None:
    alert = make_alert(cast.acme, **taken(days))
    page = admin_client.get("/o/acme/")
    assert [each.id for each in page.context["alerts"]] == [alert.pk] * waits
    make_unwell(cast.acme, "stalled", CAUSE)
    beside = text(admin_client.get("/o/acme/"))
    assert (f": {LAPSED}" in beside) == waits
    assert (": acknowledged by Casey on Sat at 13:00" in beside) != waits


def test_its_page_and_those_like_it_say_so(cast: Cast, admin_client: Client) -> None:
    lapsed, other = (of_incident(cast, **fields) for fields in (taken(8), {}))
    assert f"Open, {LAPSED}" in text(admin_client.get(f"{ADDRESS}{lapsed.pk}/"))
    assert f"Open, {LAPSED} · began" in text(admin_client.get(f"{ADDRESS}{other.pk}/"))


def of_incident(cast: Cast, **fields: Any) -> Alert:
    incident = make_incident(cast.acme, provider="google", rule="google-backend", closed_at=NOW)
    of = {"kind": AlertKind.INCIDENT, "incident": incident, "cause": str(incident.pk)}
    return make_alert(cast.acme, **of | fields)


def test_of_a_muted_one_no_reminders_are_said_to_go_out(cast: Cast, admin_client: Client) -> None:
    make_alert(cast.acme, silenced=2, **taken(8))
    page = text(admin_client.get(ADDRESS))
    assert "Muted Warning · nobody needs to hear of it" in page
    assert "reminders go out again" not in page


def test_there_is_nothing_to_take_back_of_it(cast: Cast, admin_client: Client) -> None:
    alert = make_alert(cast.acme, **taken(8))
    page = admin_client.post(f"{ADDRESS}{alert.pk}/unacknowledge", follow=True)
    assert "There is no acknowledgement to take back." in text(page)
    assert Alert.objects.get().acknowledged_by_name == "Casey"
