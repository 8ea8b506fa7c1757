"""A route to some teams: told of alerts about their people, and of none that is about everybody."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

import pytest

from accounts.models import Organization
from monitoring.alerts import sources
from monitoring.alerts.findings import Finding
from monitoring.alerts.kinds import AlertKind, Severity
from monitoring.alerts.models import Message, Notification, Route
from monitoring.alerts.watch import Watched
from tests.monitoring.alerts.engine_makers import heal, make_stalled, phases, sent, watch
from tests.monitoring.alerts.makers import make_silence
from tests.monitoring.alerts.routing_makers import make_recipient, make_route

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("own_sources")]
LEAD, BOX = "lead@acme.example", "box@acme.example"


@pytest.fixture(autouse=True)
def routes(acme: Organization) -> None:
    """Of the team Sales its lead is told, of everything an address of the organization."""
    lead, box = (make_recipient(acme, address=address) for address in (LEAD, BOX))
    make_route(acme, [lead], name="Sales", teams=["Sales"])
    make_route(acme, [box], name="All")


def told() -> set[str]:
    return set(Message.objects.values_list("recipient", flat=True))


@pytest.mark.parametrize(
    "kind", [AlertKind.COVERAGE, AlertKind.UNRECOGNISED, AlertKind.RULE_CHANGE]
)
def test_what_is_about_everybody_is_told_to_no_team(
    acme: Organization, monkeypatch: pytest.MonkeyPatch, kind: AlertKind
) -> None:
    def found(now: datetime) -> Iterable[Finding]:
        return [Finding(kind, acme.pk, "1", Severity.CRITICAL, people=10, weight=0.3)]

    monkeypatch.setattr(sources, "_sources", {"everybody": (frozenset({kind}), found)})
    for minute in (1, 17):
        watch(minute)
    assert told() == {BOX}


def test_people_of_the_team_are_told_and_their_end(acme: Organization) -> None:
    people = [*make_stalled(acme, 3, team="Sales"), *make_stalled(acme, 4, team="Desk")]
    for minute in (1, 16):
        watch(minute)
    assert told() == {LEAD, BOX}
    sent(17)
    heal(people)
    for minute in (20, 50):
        watch(minute)
    assert sorted(phases()) == [("opened", 3), ("opened", 7), ("over", 3), ("over", 7)]


def test_people_of_others_are_not(acme: Organization) -> None:
    make_stalled(acme, 4, team="Desk")
    for minute in (1, 16):
        watch(minute)
    assert told() == {BOX}


def test_where_all_are_silenced_nobody_is(acme: Organization) -> None:
    make_silence(acme, make_stalled(acme, 4, team="Desk"))
    watch(1)
    assert watch(16) == Watched()


def test_what_counts_all_because_no_teams_are_known_is_kept_as_of_all(acme: Organization) -> None:
    Route.objects.filter(teams=["Sales"]).delete()
    people = make_stalled(acme, 3, team="Sales")
    for minute in (1, 16):
        watch(minute)
    sent(17)
    heal(people)
    watch(20)
    Route.objects.update(teams=["Sales"])
    watch(50)
    told = Notification.objects.values_list("phase", "people", "teams")
    assert list(told) == [("opened", 3, []), ("over", 3, [])]
