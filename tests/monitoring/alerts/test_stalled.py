from __future__ import annotations

from datetime import UTC, timedelta
from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from monitoring.alerts.digest_facts import organization_facts
from monitoring.alerts.digest_times import Period
from monitoring.alerts.findings import Finding
from monitoring.alerts.kinds import AlertKind, Severity
from monitoring.alerts.models import Alert, Message, Notification
from monitoring.alerts.showing import mail_shown
from monitoring.alerts.stalled import stalled_found
from monitoring.health.models import Health, Transition
from monitoring.incidents.models import Hit, Incident
from monitoring.incidents.opening import hits_fold_anew
from monitoring.incidents.watch import incidents_find
from tests.factories import NOW, make_member, make_organization, make_person
from tests.monitoring.alerts.engine_makers import (
    BROKEN,
    REVOKED,
    at,
    heal,
    make_stalled,
    sent,
    watch,
)
from tests.monitoring.alerts.makers import make_silence
from tests.monitoring.alerts.routing_makers import make_recipient, make_route
from tests.monitoring.incidents.makers import (
    INACTIVE,
    MAINTENANCE,
    MINUTE,
    health_of,
    make_running_people,
    report,
)
from tests.monitoring.incidents.makers import (
    REVOKED as REVOKED_ERROR,
)

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("own_sources")]


def found() -> dict[tuple[int | None, str], Finding]:
    return {(each.organization_id, each.cause): each for each in stalled_found(NOW)}


def test_people_are_counted_by_organization_and_cause() -> None:
    acme, globex = make_organization(), make_organization()
    make_person(acme)
    make_stalled(acme, 3)
    make_stalled(acme, 2, cause="silent")
    make_stalled(globex, 1)
    counts = {place: finding.people for place, finding in found().items()}
    assert counts == {(acme.pk, BROKEN): 3, (acme.pk, "silent"): 2, (globex.pk, BROKEN): 1}


def test_what_only_the_person_can_mend_is_a_kind_of_its_own() -> None:
    acme = make_organization()
    make_stalled(acme, 1)
    make_stalled(acme, 1, cause=REVOKED)
    kinds = {cause: (finding.kind, finding.severity) for (_, cause), finding in found().items()}
    assert kinds == {
        BROKEN: (AlertKind.STALLED, Severity.WARNING),
        REVOKED: (AlertKind.REAUTHORIZE, Severity.NOTICE),
    }


def test_who_heals_is_counted_no_more() -> None:
    people = make_stalled(make_organization(), 3)
    heal(people[:2])
    assert [finding.people for finding in stalled_found(NOW)] == [1]
    heal(people)
    assert stalled_found(NOW) == []


def test_the_first_of_them_tells_since_when_and_why() -> None:
    acme = make_organization()
    make_stalled(acme, 2, minutes=5)
    (first,) = make_stalled(acme, 1, minutes=2)
    runs = [uuid4(), uuid4()]
    Health.objects.filter(person=first).update(evidence=runs)
    change = dict.fromkeys(("from_status", "from_cause"), "") | {
        "organization": acme, "person": first, "to_cause": BROKEN,
        "from_interval": 7_200, "to_interval": 86_400,
    }  # fmt: skip
    Transition.objects.create(at=at(1), to_status="stalled", **change)
    stalled = Transition.objects.create(at=at(2), to_status="stalled", **change)
    Transition.objects.create(at=at(3), to_status="degraded", **change)
    (finding,) = stalled_found(at(6))
    assert finding.began_at == at(2)
    assert finding.evidence == tuple(runs)
    assert finding.transition == stalled.pk
    watch(6)
    alert = Alert.objects.get()
    assert (alert.began_at, alert.transition, alert.evidence) == (at(2), stalled.pk, runs)


def test_of_whom_it_was_first_is_asked_once() -> None:
    make_stalled(make_organization(), 2)
    watch(1)
    (finding,) = stalled_found(at(2))
    assert (finding.began_at, finding.evidence) == (None, ())


def test_the_silenced_are_counted_beside() -> None:
    acme = make_organization()
    people = make_stalled(acme, 3)
    make_stalled(make_organization(), 2)
    make_silence(acme, people[:1], now=NOW - timedelta(hours=1))
    counts = {place[0]: (each.people, each.silenced) for place, each in found().items()}
    assert counts[acme.pk] == (3, 1)


def test_teams_are_counted_where_a_route_asks_for_them() -> None:
    acme, globex = make_organization(), make_organization()
    make_route(acme, recipients=[make_recipient(acme)], teams=["Sales"])
    sales = make_stalled(acme, 3, team="Sales")
    make_stalled(acme, 2)
    make_stalled(globex, 2, team="Sales")
    make_silence(acme, sales[:1], now=NOW)
    assert found()[acme.pk, BROKEN].teams == {"Sales": 2, "": 2}
    assert found()[globex.pk, BROKEN].teams == {}


def test_whom_an_incident_hits_is_left_to_it() -> None:
    acme = make_organization()
    hit, recovering, through, tried, own = make_stalled(acme, 5)
    incident = make_incident(acme)
    for person in (hit, recovering, through, tried, own):
        make_hit(incident, person)
    Hit.objects.filter(person=through).update(recovered_at=NOW)
    Hit.objects.filter(person=tried).update(ended_at=NOW)
    Health.objects.filter(person=own).update(confirmed_at=incident.began_at - MINUTE)
    assert found()[acme.pk, BROKEN].people == 3
    Incident.objects.update(closed_at=NOW)
    assert found()[acme.pk, BROKEN].people == 3, "until they are tried"
    Incident.objects.update(recovered_at=NOW)
    assert found()[acme.pk, BROKEN].people == 5


def test_what_was_told_goes_on_while_an_incident_hits_all_its_people() -> None:
    acme = make_organization()
    make_member(acme)
    people = make_stalled(acme, 5)
    for minute in (1, 15):
        watch(minute)
    sent(16)
    incident = make_incident(acme)
    Incident.objects.update(began_at=at(30))
    for person in people:
        make_hit(incident, person)
    make_stalled(acme, 1, cause="silent", minutes=30)
    make_hit(incident, Health.objects.get(cause="silent").person)
    for minute in (31, 80, 3_000):
        watch(minute)
    alert = Alert.objects.get(kind="stalled")
    assert (alert.people, alert.silenced, alert.most_people) == (5, 5, 5)
    assert alert.facts == {"absorbed": 5}
    Incident.objects.update(closed_at=at(3_005), recovered_at=at(3_010))
    watch(3_010)
    alert.refresh_from_db()
    assert (alert.people, alert.silenced, alert.facts) == (5, 0, {})
    heal(people)
    for minute in (3_100, 3_130):
        sent(minute)
        watch(minute)
    told = Notification.objects.filter(alert=alert).order_by("at")
    assert list(told.values_list("phase", "people")) == [
        ("opened", 5), ("reminder", 5), ("over", 5)
    ]  # fmt: skip
    assert [each.flaps for each in Alert.objects.filter(kind="stalled")] == [0, 0]


def test_what_was_not_told_when_an_incident_began_is_told_after_it_if_it_lasts() -> None:
    acme = make_organization()
    make_member(acme)
    people = make_stalled(acme, 5)
    watch(1)
    incident = make_incident(acme)
    for person in people:
        make_hit(incident, person)
    for minute in (2, 15):
        watch(minute)
    told = Notification.objects.filter(alert__kind="stalled")
    assert list(told.values_list("muted", "people")) == [("absorbed", 5)]
    Incident.objects.update(closed_at=at(40), recovered_at=at(50))
    watch(50)
    assert list(told.values_list("muted", "phase", "people")) == [("", "opened", 5)]


def make_incident(organization: object) -> Incident:
    return Incident.objects.create(
        organization=organization, provider="salesforce", signature="salesforce - x",
        began_at=NOW - 10 * MINUTE, opened_at=NOW,
    )  # fmt: skip


def make_hit(incident: Incident, person: object) -> None:
    Hit.objects.create(
        incident=incident, organization_id=incident.organization_id, person=person,
        first_failed_at=NOW, last_failed_at=NOW, gap_since=NOW,
    )  # fmt: skip


def test_who_was_broken_before_an_outage_is_still_told_of_through_it() -> None:
    acme = make_organization()
    people = make_running_people(acme, 12)
    own, others = people[0], people[1:]
    for minutes in (-60, -50):
        report([own], NOW + minutes * MINUTE, INACTIVE)
    assert health_of(own).status == "stalled"
    report(others, NOW, MAINTENANCE)
    report([own], NOW, MAINTENANCE)
    assert incidents_find(now=NOW + MINUTE)
    hits_fold_anew(now=NOW + MINUTE)
    assert {cause: finding.people for (_, cause), finding in found().items()} == {
        health_of(own).cause: 1
    }


def test_people_of_calm_organizations_are_not_read() -> None:
    acme = make_organization()
    make_stalled(acme, 3)
    watch(1)
    with CaptureQueriesContext(connection) as queries:
        stalled_found(NOW)
    assert not [query for query in queries if "accounts_person" in query["sql"]]


@pytest.mark.parametrize("here", [True, False])
def test_silence_of_another_engine_is_told_as_such(here: bool) -> None:
    acme, globex = make_organization(), make_organization()
    people = make_stalled(acme, 2, cause="silent")
    Health.objects.filter(person__in=people[: 1 if here else 0]).update(runs_here=True)
    others = make_stalled(globex, 1, cause="silent") + make_stalled(acme, 1)
    Health.objects.filter(person__in=others).update(runs_here=True)
    facts = {place: finding.facts for place, finding in found().items()}
    assert facts == {
        (acme.pk, "silent"): {"runs_here": here},
        (globex.pk, "silent"): {"runs_here": True},
        (acme.pk, BROKEN): {},
    }


def test_silence_of_whom_an_incident_hits_asks_nobody_for_a_sync() -> None:
    acme = make_organization()
    ours = make_stalled(acme, 2, cause="silent")[0]
    Health.objects.filter(person=ours).update(runs_here=True)
    make_hit(make_incident(acme), ours)
    assert [finding.facts for finding in stalled_found(NOW)] == [{"runs_here": False}]


@pytest.mark.parametrize(("silenced", "here"), [(1, False), (3, True)])
def test_of_the_silenced_a_sync_is_asked_for_where_no_others_are(silenced: int, here: bool) -> None:
    acme = make_organization()
    people = make_stalled(acme, 3, cause="silent")
    Health.objects.filter(person=people[0]).update(runs_here=True)
    make_silence(acme, people[:silenced])
    assert [finding.facts for finding in stalled_found(NOW)] == [{"runs_here": here}]


def test_neither_mail_nor_digest_asks_for_a_sync_that_helps_the_silenced_alone() -> None:
    acme = make_organization()
    make_route(acme, [make_recipient(acme)])
    people = make_stalled(acme, 3, cause="silent", minutes=-30)
    Health.objects.filter(person=people[0]).update(runs_here=True)
    make_silence(acme, people[:1])
    watch(0)
    period = Period(at(-2_880), at(-1_440), at(0), False, UTC)
    (need,) = organization_facts(acme, period, NOW).needs
    for said in (mail_shown(Message.objects.get()).text, need.next_step):
        assert "the engine that syncs them" in said
        assert "Ask for a sync now" not in said


@pytest.mark.parametrize(
    ("here", "said"), [(True, "Ask for a sync now"), (False, "the engine that syncs them")]
)
def test_mail_and_digest_ask_for_a_sync_only_where_one_can_be(here: bool, said: str) -> None:
    acme = make_organization()
    make_route(acme, [make_recipient(acme)])
    people = make_stalled(acme, 1, cause="silent", minutes=-30)
    Health.objects.filter(person__in=people).update(runs_here=here)
    watch(0)
    period = Period(at(-2_880), at(-1_440), at(0), False, UTC)
    (need,) = organization_facts(acme, period, NOW).needs
    assert said in mail_shown(Message.objects.get()).text
    assert said in need.next_step


def test_a_revoked_grant_goes_from_its_outcomes_to_an_alert() -> None:
    acme = make_organization()
    (person, *_) = make_running_people(acme, 3)
    for minutes in (-30, -20):
        report([person], NOW + minutes * MINUTE, REVOKED_ERROR)
    watch(0)
    alert = Alert.objects.get()
    assert (alert.kind, alert.people) == ("reauthorize", 1)
    assert alert.began_at == NOW - 20 * MINUTE
    assert len(alert.evidence) == 2
    assert Transition.objects.get(pk=alert.transition).to_status == "stalled"
