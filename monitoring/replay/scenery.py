"""Loading what was in force in an organization at a past time, and who would be told today."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from django.db.models import Exists, OuterRef, Q
from django.db.models.functions import Least

from accounts.models import Person
from monitoring.alerts.findings import Finding
from monitoring.alerts.kinds import AlertKind, Severity
from monitoring.alerts.models import Alert, Notification, Silence, SilencedPerson
from monitoring.alerts.plan_facts import Phase, Target
from monitoring.alerts.recipients import Known, recipients_known, recipients_make
from monitoring.alerts.routing import RouteFacts, targets_by, without_doubles
from monitoring.alerts.targets import Routes, mail_addresses, routes_of
from monitoring.errors.rules import Who
from monitoring.errors.ruleset import RuleSet
from monitoring.health.models import Health, Hold
from monitoring.incidents.models import Incident
from monitoring.replay.rehearsal import PLAYED
from monitoring.replay.scene import FoundThen, InHand, Part, Quiet, Scene, Time


@dataclass(frozen=True, slots=True)
class Cast:
    """Who is told of what is an organization's, and of what is none's, and the routes by number.

    Routes are numbered for the rehearsal, for built-in ones and those that are tried have no id.
    """

    targets: Sequence[Target]
    service: Sequence[Target]
    routes: Mapping[int, RouteFacts]


def casts_of(
    organization_id: int, tried: Sequence[RouteFacts] | None, now: datetime, *, support: bool
) -> tuple[Cast, Cast]:
    """Return who would be told by the routes in force, and by those that are tried instead.

    With None for those they are the same. With `support` the service's own routes tell support
    staff as well.
    """
    recipients_make(organization_ids=[organization_id], now=now)
    known, routes = recipients_known([organization_id]), routes_of([organization_id])
    in_force = cast_by(organization_id, routes, known, support=support)
    if tried is None:
        return in_force, in_force
    other = routes | {organization_id: list(tried)}
    return in_force, cast_by(organization_id, other, known, support=support)


def cast_by(organization_id: int, routes: Routes, known: Known, *, support: bool) -> Cast:
    own_routes = routes[organization_id]
    numbered = {
        number: replace(route, id=number)
        for number, route in enumerate([*own_routes, *routes[None]], start=1)
    }
    in_order = list(numbered.values())
    own = targets_by(in_order[: len(own_routes)], known[organization_id])
    service = targets_by(in_order[len(own_routes) :], known[None]) if support else []
    addresses = mail_addresses(known, organization_id)
    return Cast([*own, *without_doubles(service, own, addresses)], service, numbered)


def scene_of(organization_id: int, time: Time, *, support: bool) -> Scene:
    """Return what was in force within a time, which has an end. A handful of statements.

    What of it depends on rules and targets, `set_for` adds.
    """
    people = Person.objects.filter(organization_id=organization_id)
    teams = dict(people.values_list("pk", "team"))
    here = Health.objects.filter(organization_id=organization_id, runs_here=True)
    return Scene(
        everybody=frozenset(teams),
        teams={person: team for person, team in teams.items() if team},
        here=frozenset(here.values_list("person", flat=True)),
        silences=tuple(silences_of(organization_id, time)),
        off=off_in(organization_id, time),
        in_hand=tuple(in_hand_of(organization_id, time, support=support)),
        incidents=tuple(incidents_of(organization_id, time)),
        found=tuple(found_then(organization_id, time, support=support)),
    )


def set_for(scene: Scene, rules: RuleSet, targets: Collection[Target]) -> Scene:
    """Return a scene as it is by such rules, with such people to tell."""
    return replace(
        scene,
        is_by_team=any(target.teams for target in targets),
        asking=frozenset(rule.id for rule in rules.rules if rule.who == Who.PERSON),
    )


def within(time: Time, begins: str, ends: str) -> Q:
    """Keep what began before the time's end and, if it ended, did so after its beginning."""
    begun = Q(**{f"{begins}__lt": time.until})
    return begun & (Q(**{f"{ends}__gt": time.since}) | Q(**{ends: None}))


def silences_of(organization_id: int, time: Time) -> Iterator[Quiet]:
    """Yield the silences; whom somebody took out of one is muted by it until then."""
    ended = Silence.objects.annotate(over=Least("ends_at", "ended_at"))
    silences = ended.filter(within(time, "started_at", "over"), organization_id=organization_id)
    named: defaultdict[int, set[int]] = defaultdict(set)
    lifted: list[tuple[int, int, datetime]] = []
    members = SilencedPerson.objects.filter(silence__in=silences)
    for silence_id, person, lifted_at in members.values_list("silence", "person", "lifted_at"):
        if lifted_at is None:
            named[silence_id].add(person)
        else:
            lifted.append((silence_id, person, lifted_at))
    times = {silence.pk: Time(silence.started_at, silence.over) for silence in silences}
    for silence in silences:
        people = None if silence.is_matcher else frozenset(named[silence.pk])
        yield Quiet(times[silence.pk], people, silence.team, silence.cause, silence.provider)
    for silence_id, person, lifted_at in lifted:
        time = Time(times[silence_id].since, lifted_at)
        yield Quiet(time, frozenset({person}), is_whole=False)


def off_in(organization_id: int, time: Time) -> dict[int, tuple[Time, ...]]:
    """Return whom somebody had switched off, and when."""
    holds = Hold.objects.annotate(over=Least("ends_at", "released_at"))
    found = holds.filter(within(time, "started_at", "over"), organization_id=organization_id)
    off: defaultdict[int, tuple[Time, ...]] = defaultdict(tuple)
    for person, since, until in found.values_list("person", "started_at", "over"):
        off[person] += (Time(since, until),)
    return dict(off)


def concerned(organization_id: int, *, support: bool) -> Q:
    """Keep an organization's alerts, for support also those of the service."""
    own = Q(organization_id=organization_id)
    return own | Q(organization=None) if support else own


def in_hand_of(organization_id: int, time: Time, *, support: bool) -> Iterator[InHand]:
    alerts = Alert.objects.filter(
        concerned(organization_id, support=support), within(time, "began_at", "ended_at")
    )
    for alert in alerts.order_by("pk"):
        if alert.acknowledged_at is not None:
            yield InHand(
                alert.kind,
                alert.cause,
                alert.facts.get("provider", ""),
                Time(alert.began_at, alert.ended_at),
                alert.acknowledged_at,
                alert.acknowledged_by_name,
            )


def incidents_of(organization_id: int, time: Time) -> Iterator[Part]:
    incidents = Incident.objects.of_failures().filter(
        within(time, "began_at", "closed_at"), organization_id=organization_id
    )
    for incident in incidents.order_by("pk"):
        times = Time(incident.began_at, incident.closed_at)
        yield Part(incident.provider, times, incident.pk, incident.part_of_id is not None)


def found_then(organization_id: int, time: Time, *, support: bool) -> Iterator[FoundThen]:
    """Yield what was found then and can't be found again by playing the organization's runs.

    What silences kept back until its end, or until now, is found as kept back.
    """
    is_played = Q(kind__in=PLAYED) & ~Q(organization=None)
    alerts = Alert.objects.filter(
        concerned(organization_id, support=support), within(time, "began_at", "ended_at")
    )
    opened = Notification.objects.filter(alert=OuterRef("pk"), phase=Phase.OPENED, muted="")
    alerts = alerts.exclude(is_played).annotate(was_told=Exists(opened))
    for alert in alerts.order_by("pk"):
        is_kept_back = alert.is_silenced and not alert.was_told
        finding = Finding(
            AlertKind(alert.kind),
            alert.organization_id,
            alert.cause,
            Severity(alert.severity),
            alert.most_people,
            alert.most_people if is_kept_back else 0,
            weight=alert.weight,
            began_at=alert.began_at,
            incident_id=alert.incident_id,
            facts=alert.facts,
        )
        yield FoundThen(finding, Time(alert.began_at, alert.ended_at))
