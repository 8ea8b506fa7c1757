from __future__ import annotations

from datetime import timedelta

import pytest

from monitoring.health.models import Health, Hold
from monitoring.incidents.models import EventKind, Hit, Incident
from monitoring.incidents.opening import hits_fold_anew
from monitoring.incidents.watch import incidents_find, incidents_follow
from tests.factories import NOW, make_organization
from tests.monitoring.incidents.makers import (
    INACTIVE,
    MAINTENANCE,
    MINUTE,
    REVOKED,
    health_of,
    make_running_people,
    only_incident,
    report,
)

pytestmark = pytest.mark.django_db


def kinds(incident: Incident) -> list[str]:
    return list(incident.events.order_by("id").values_list("kind", flat=True))


def test_many_who_fail_together_are_one_incident() -> None:
    people = make_running_people(make_organization(), 30)
    report(people[:20], NOW, MAINTENANCE)
    report(people[20:], NOW)
    (incident,) = incidents_find(now=NOW + MINUTE)
    assert (incident.provider, incident.rule) == ("salesforce", "salesforce-maintenance")
    assert (incident.began_at, incident.opened_at) == (NOW, NOW + MINUTE)
    assert (only_incident().people_hit, only_incident().people_running) == (20, 30)
    assert set(Hit.objects.values_list("person_id", flat=True)) == {p.pk for p in people[:20]}
    assert incidents_find(now=NOW + 2 * MINUTE) == []


def test_a_few_of_many_who_fail_are_no_incident() -> None:
    people = make_running_people(make_organization(), 30)
    report(people[:8], NOW, MAINTENANCE)
    report(people[8:], NOW)
    assert incidents_find(now=NOW + MINUTE) == []


def test_who_got_through_at_the_second_try_does_not_count() -> None:
    people = make_running_people(make_organization(), 30)
    report(people, NOW, MAINTENANCE)
    report(people[:25], NOW + 5 * MINUTE)
    assert incidents_find(now=NOW + 6 * MINUTE) == []


def test_a_small_organization_is_found_by_longer_windows() -> None:
    people = make_running_people(make_organization(), 6)
    for number, person in enumerate(people[:5]):
        report([person], NOW + 20 * number * MINUTE, MAINTENANCE)
    assert incidents_find(now=NOW + 81 * MINUTE) != []


def test_failures_of_another_organization_count_for_nobody_else() -> None:
    acme, globex = make_organization(), make_organization()
    report(make_running_people(acme, 10), NOW, MAINTENANCE)
    report(make_running_people(globex, 10), NOW)
    assert [incident.organization_id for incident in incidents_find(now=NOW)] == [acme.pk]


def test_what_was_held_against_people_before_it_was_found_is_taken_back() -> None:
    people = make_running_people(make_organization(), 10)
    report(people, NOW, INACTIVE)
    report(people, NOW + 5 * MINUTE, INACTIVE)
    assert health_of(people[0]).status == "stalled"
    incidents_find(now=NOW + 6 * MINUTE)
    assert hits_fold_anew(now=NOW + MINUTE) == 10
    assert hits_fold_anew(now=NOW + MINUTE) == 0
    health = health_of(people[0])
    assert (health.status, health.cause, health.interval) == ("degraded", "incident", 7_200)
    assert (health.failures, health.confirmed_at, health.suspect_at) == (0, None, None)


def test_while_it_is_open_failures_are_held_and_their_people_hit() -> None:
    people = make_running_people(make_organization(), 12)
    report(people[:10], NOW, INACTIVE)
    incidents_find(now=NOW + MINUTE)
    report(people[10:], NOW + 2 * MINUTE, INACTIVE)
    report(people[10:], NOW + 10 * MINUTE, INACTIVE)
    health = health_of(people[11])
    assert (health.status, health.cause, health.failures) == ("degraded", "incident", 0)
    assert Hit.objects.filter(person=people[11]).get().first_failed_at == NOW + 2 * MINUTE


def test_failures_against_the_other_provider_are_not_held() -> None:
    people = make_running_people(make_organization(), 12)
    report(people[:10], NOW, MAINTENANCE)
    incidents_find(now=NOW + MINUTE)
    report(people[11:], NOW + 2 * MINUTE, REVOKED)
    report(people[11:], NOW + 8 * MINUTE, REVOKED)
    assert health_of(people[11]).status == "stalled"
    assert not Hit.objects.filter(person=people[11]).exists()


def test_who_needed_a_human_before_it_began_is_not_hit_and_stays_so() -> None:
    people = make_running_people(make_organization(), 12)
    report(people[:1], NOW - 30 * MINUTE, INACTIVE)
    report(people[:1], NOW - 20 * MINUTE, INACTIVE)
    report(people, NOW, MAINTENANCE)
    incidents_find(now=NOW + MINUTE)
    hits_fold_anew(now=NOW + MINUTE)
    assert not Hit.objects.filter(person=people[0]).exists()
    assert health_of(people[0]).status == "stalled"


def test_a_few_canaries_are_tried_often_and_the_others_at_their_interval() -> None:
    people = make_running_people(make_organization(), 20)
    report(people, NOW, MAINTENANCE)
    incidents_find(now=NOW + MINUTE)
    hits_fold_anew(now=NOW + MINUTE)
    incidents_follow(now=NOW + MINUTE)
    canaries = set(Hit.objects.filter(canary=True).values_list("person_id", flat=True))
    assert len(canaries) == 5
    due = Health.objects.filter(next_due=NOW + MINUTE).values_list("person_id", flat=True)
    assert set(due) == canaries
    report([p for p in people if p.pk in canaries], NOW + 2 * MINUTE, MAINTENANCE)
    waits = {h.person_id: h.next_due - NOW for h in Health.objects.all()}
    assert all(waits[person] <= timedelta(minutes=8) for person in canaries)
    others = [wait for person, wait in waits.items() if person not in canaries]
    assert all(wait >= timedelta(hours=2) for wait in others)
    incidents_follow(now=NOW + 3 * MINUTE)
    assert Hit.objects.filter(canary=True).count() == 5


def test_a_canary_is_not_tried_sooner_than_the_provider_allows() -> None:
    people = make_running_people(make_organization(), 6)
    asked = MAINTENANCE | {"headers": {"retry-after": "1800"}}
    report(people, NOW, asked)
    incidents_find(now=NOW + MINUTE)
    incidents_follow(now=NOW + MINUTE)
    assert not Hit.objects.filter(canary=True).exists()
    incidents_follow(now=NOW + 31 * MINUTE)
    assert Hit.objects.filter(canary=True).count() == 5


def test_it_is_over_when_several_of_those_hit_are_through_and_few_fail() -> None:
    people = make_running_people(make_organization(), 30)
    report(people, NOW, MAINTENANCE)
    incidents_find(now=NOW + MINUTE)
    report(people[:2], NOW + 30 * MINUTE)
    assert incidents_follow(now=NOW + 31 * MINUTE) == []
    report(people[2:4], NOW + 32 * MINUTE)
    assert [i.pk for i in incidents_follow(now=NOW + 33 * MINUTE)] == [only_incident().pk]
    incident = only_incident()
    assert (incident.closed_at, incident.state) == (NOW + 33 * MINUTE, "recovering")
    assert kinds(incident) == [EventKind.OPENED, EventKind.CLOSED]


def test_nobody_trying_is_no_proof_that_it_is_over() -> None:
    people = make_running_people(make_organization(), 30)
    report(people, NOW, MAINTENANCE)
    incidents_find(now=NOW + MINUTE)
    assert incidents_follow(now=NOW + timedelta(hours=3)) == []


def test_who_waits_is_taken_off_the_schedule_when_it_is_over() -> None:
    people = make_running_people(make_organization(), 10)
    report(people, NOW, MAINTENANCE)
    incidents_find(now=NOW + MINUTE)
    report(people[:4], NOW + 100 * MINUTE)
    now = NOW + 101 * MINUTE
    incidents_follow(now=now)
    wait = health_of(people[9]).next_due - now
    assert timedelta(hours=2) <= wait <= timedelta(hours=3)


def test_an_incident_that_comes_back_within_half_an_hour_is_the_same() -> None:
    people = make_running_people(make_organization(), 10)
    report(people, NOW, MAINTENANCE)
    incidents_find(now=NOW + MINUTE)
    report(people, NOW + 20 * MINUTE)
    incidents_follow(now=NOW + 21 * MINUTE)
    report(people, NOW + 30 * MINUTE, MAINTENANCE)
    incidents_find(now=NOW + 31 * MINUTE)
    incident = only_incident()
    assert (incident.state, incident.flaps, incident.people_hit) == ("open", 1, 10)
    assert kinds(incident)[-1] == EventKind.CAME_BACK
    assert Hit.objects.waiting().count() == 10


def test_an_incident_an_hour_later_is_another() -> None:
    people = make_running_people(make_organization(), 10)
    report(people, NOW, MAINTENANCE)
    incidents_find(now=NOW + MINUTE)
    report(people, NOW + 20 * MINUTE)
    incidents_follow(now=NOW + 21 * MINUTE)
    report(people, NOW + 80 * MINUTE, MAINTENANCE)
    incidents_find(now=NOW + 81 * MINUTE)
    assert Incident.objects.count() == 2


def test_an_incident_that_grows_says_so_seldom() -> None:
    people = make_running_people(make_organization(), 40)
    report(people[:20], NOW, MAINTENANCE)
    incidents_find(now=NOW + MINUTE)
    for number, person in enumerate(people[20:]):
        at = NOW + (2 + number) * MINUTE
        report([person], at, MAINTENANCE)
        incidents_follow(now=at)
    assert kinds(only_incident()).count(EventKind.GREW) == 1
    assert only_incident().people_hit == 40


def test_runs_without_a_reported_reason_and_lost_ones_are_found_too() -> None:
    lost = make_running_people(make_organization(), 6)
    report(lost, NOW, result="lost")
    silent = make_running_people(make_organization(), 6)
    report(silent, NOW, result="failure")
    providers = {incident.provider for incident in incidents_find(now=NOW + MINUTE)}
    assert providers == {"service", "unknown"}


def test_no_incident_ever_places_a_hold() -> None:
    people = make_running_people(make_organization(), 10)
    report(people, NOW, INACTIVE)
    incidents_find(now=NOW + MINUTE)
    incidents_follow(now=NOW + MINUTE)
    report(people, NOW + 10 * MINUTE, INACTIVE)
    assert not Hold.objects.exists()
    assert not Health.objects.filter(status="disabled").exists()


def test_what_failed_before_its_end_does_not_open_it_again() -> None:
    people = make_running_people(make_organization(), 12)
    report(people, NOW, MAINTENANCE)
    incidents_find(now=NOW + MINUTE)
    hits_fold_anew(now=NOW + MINUTE)
    report(people[6:], NOW + 4 * MINUTE, MAINTENANCE)
    report(people[:5], NOW + 25 * MINUTE)
    assert incidents_follow(now=NOW + 26 * MINUTE) != []
    report(people[:1], NOW + 27 * MINUTE, MAINTENANCE)
    assert incidents_find(now=NOW + 27 * MINUTE) == []
    assert only_incident().state == "recovering"


def test_who_was_confirmed_before_it_came_back_keeps_their_own_trouble() -> None:
    people = make_running_people(make_organization(), 12)
    report(people, NOW, MAINTENANCE)
    incidents_find(now=NOW + MINUTE)
    hits_fold_anew(now=NOW + MINUTE)
    report(people[1:], NOW + 20 * MINUTE)
    incidents_follow(now=NOW + 21 * MINUTE)
    report(people[:1], NOW + 22 * MINUTE, INACTIVE)
    report(people[:1], NOW + 28 * MINUTE, INACTIVE)
    assert health_of(people[0]).status == "stalled"
    report(people[1:], NOW + 40 * MINUTE, MAINTENANCE)
    assert len(incidents_find(now=NOW + 41 * MINUTE)) == 1
    hits_fold_anew(now=NOW + MINUTE)
    assert only_incident().flaps == 1
    assert health_of(people[0]).status == "stalled"


def test_a_trouble_of_ones_own_does_not_keep_a_small_incident_open() -> None:
    people = make_running_people(make_organization(), 3)
    report(people, NOW, MAINTENANCE)
    incidents_find(now=NOW + MINUTE)
    report(people[1:], NOW + 20 * MINUTE)
    report(people[:1], NOW + 20 * MINUTE, INACTIVE)
    incidents_follow(now=NOW + 21 * MINUTE)
    assert only_incident().state == "recovering"


def test_runs_in_which_only_records_are_refused_prove_that_it_is_over() -> None:
    people = make_running_people(make_organization(), 30)
    report(people, NOW, MAINTENANCE)
    incidents_find(now=NOW + MINUTE)
    refused = MAINTENANCE | {
        "channel": "http-json",
        "status": 400,
        "body": '[{"errorCode": "FIELD_CUSTOM_VALIDATION_EXCEPTION", "message": "Say why"}]',
    }
    report(people, NOW + 30 * MINUTE, refused, result="partial")
    assert health_of(people[0]).cause == "salesforce-validation-rule"
    incidents_follow(now=NOW + 31 * MINUTE)
    assert (only_incident().state, only_incident().people_waiting) == ("recovering", 0)


def test_people_of_another_engine_are_waited_for() -> None:
    people = make_running_people(make_organization(), 30)
    Health.objects.update(runs_here=False)
    report(people, NOW, MAINTENANCE)
    incidents_find(now=NOW + MINUTE)
    hits_fold_anew(now=NOW + MINUTE)
    assert incidents_follow(now=NOW + 20 * MINUTE) == []
    report(people, NOW + 120 * MINUTE, MAINTENANCE)
    assert health_of(people[0]).failures == 0
    report(people, NOW + 240 * MINUTE)
    assert len(incidents_follow(now=NOW + 241 * MINUTE)) == 1


def test_good_runs_of_before_it_came_back_prove_nothing() -> None:
    people = make_running_people(make_organization(), 40)
    report(people, NOW, MAINTENANCE)
    incidents_find(now=NOW + MINUTE)
    report(people[:30], NOW + 20 * MINUTE)
    incidents_follow(now=NOW + 21 * MINUTE)
    report(people[30:], NOW + 30 * MINUTE, MAINTENANCE)
    report(people[:16], NOW + 30 * MINUTE, MAINTENANCE)
    incidents_find(now=NOW + 31 * MINUTE)
    assert only_incident().flaps == 1
    assert incidents_follow(now=NOW + 90 * MINUTE) == []


def test_an_incident_explains_for_three_days_at_most() -> None:
    people = make_running_people(make_organization(), 30)
    report(people[:20], NOW, INACTIVE)
    incidents_find(now=NOW + MINUTE)
    hits_fold_anew(now=NOW + MINUTE)
    late = NOW + timedelta(days=3, hours=1)
    report(people[:1], late, INACTIVE)
    report(people[:1], late + 10 * MINUTE, INACTIVE)
    health = health_of(people[0])
    assert (health.status, health.cause) == ("stalled", "salesforce-user-inactive")


def test_who_waits_runs_no_sooner_than_allowed_when_it_is_over() -> None:
    people = make_running_people(make_organization(), 10)
    report(people, NOW, MAINTENANCE)
    incidents_find(now=NOW + MINUTE)
    asked = MAINTENANCE | {"headers": {"retry-after": "36000"}}
    report(people[9:], NOW + 90 * MINUTE, asked)
    report(people[:9], NOW + 100 * MINUTE)
    incidents_follow(now=NOW + 101 * MINUTE)
    assert health_of(people[9]).next_due >= NOW + 90 * MINUTE + timedelta(hours=10)


def test_the_share_of_those_who_fail_is_kept_as_it_goes() -> None:
    people = make_running_people(make_organization(), 30)
    report(people[:12], NOW, MAINTENANCE)
    report(people[12:], NOW)
    incidents_find(now=NOW + MINUTE)
    assert only_incident().share == 0.4
    report(people, NOW + 5 * MINUTE, MAINTENANCE)
    incidents_follow(now=NOW + 6 * MINUTE)
    assert only_incident().share == 1.0
    incidents_follow(now=NOW + 60 * MINUTE)
    assert only_incident().share == 1.0, "nobody tried since, so nothing new is known"
