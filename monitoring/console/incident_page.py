"""What the page of an incident shows: the parts that change while one looks, and the others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Any

from accounts.access import Access
from monitoring.actions.incidents import LONGEST_NOTE
from monitoring.alerts.models import Alert
from monitoring.alerts.number_words import people_of
from monitoring.console import incident_words as words
from monitoring.console.alert_list import with_told
from monitoring.console.charts import Chart, stop_times_chart
from monitoring.console.incident_changes import changes_around
from monitoring.console.incident_facts import (
    EVENTS,
    HitFigures,
    events_of,
    figures_of_hits,
    hit_row,
    page_of_hits,
    stop_times,
)
from monitoring.console.incident_status import provider_says
from monitoring.console.incident_timeline import event_row
from monitoring.console.rows import recent
from monitoring.console.wording import shown_sentence
from monitoring.health.causes import Explanation, explanation_of
from monitoring.health.models import Policy
from monitoring.incidents.models import EventKind, Incident, IncidentEvent, Kind

Rules = Mapping[str, Explanation]
FIRST_RETRY = Policy._meta.get_field("first_retry").default


@dataclass(frozen=True, slots=True)
class Reading:
    """An incident as it is read for one page: whom it hit, and its newest events, newest first."""

    access: Access
    incident: Incident
    figures: HitFigures
    events: Sequence[IncidentEvent]
    now: datetime

    @property
    def zone(self) -> tzinfo:
        return self.access.time_zone

    @property
    def version(self) -> str:
        """What changes with anything the live parts say, and each minute, as their times do."""
        asked = self.incident.status_asked_at
        numbers = (
            self.figures.hit,
            self.figures.recovered,
            self.figures.waiting,
            self.figures.canaries,
            self.events[0].pk if self.events else 0,
            int(asked.timestamp()) if asked else 0,
            int(self.now.timestamp()) // 60,
        )
        return "-".join(map(str, numbers))


def read(access: Access, incident: Incident, now: datetime) -> Reading:
    """Read what a page of the incident is made of, in two statements."""
    figures = figures_of_hits(access, incident)
    return Reading(access, incident, figures, events_of(incident), now)


def hits_are_new(seen: str, figures: HitFigures) -> bool:
    """Tell whether more people are hit than a page shows that has seen such a version."""
    return seen.partition("-")[0] != str(figures.hit)


def live_context(reading: Reading, rules: Rules, people_page: str | None) -> dict[str, Any]:
    """Return what may change while somebody looks."""
    incident, figures = reading.incident, reading.figures
    now, zone, name = reading.now, reading.zone, words.name_of(incident)
    retry = first_retry(reading.access)
    return {
        "section": "incidents",
        "incident": incident,
        "name": name,
        "figures": figures,
        "has_people": incident.kind == Kind.FAILURES,
        "look": words.STATES[incident.state],
        "heading": words.heading(incident, figures.stops, now, zone),
        "hit": people_of(figures.hit),
        "to_recover": people_of(figures.not_recovered),
        "progress": words.progress(figures.hit, figures.recovered, figures.waiting),
        "course": words.course(incident, now, zone),
        "held_back": words.held_back(incident, figures.canaries, figures.waiting, retry),
        "says": provider_says(incident, latest_status(reading), now, zone),
        "last_failed": recent(figures.last_failed_at, now, zone),
        "last_recovered": recent(figures.last_recovered_at, now, zone),
        "events": [event_row(event, name, now, zone) for event in reading.events],
        "version": reading.version,
        "recovers": incident.state == "recovering" or incident.recover_asked_at is not None,
        "is_mine": incident.owner_id == reading.access.user.pk,
        "alert": alert_of(reading),
        **people_context(reading, rules, people_page),
    }


def alert_of(reading: Reading) -> Any:
    """Return the latest alert about the incident, with how many were told; None without one."""
    mine = Alert.objects.visible_to(reading.access).filter(incident=reading.incident)
    return with_told(mine).order_by("-began_at", "-id").first()


def first_retry(access: Access) -> int:
    """Return the seconds after which a canary tries again."""
    policy = Policy.objects.filter(organization=access.organization)
    retry = policy.values_list("first_retry", flat=True).first()
    return FIRST_RETRY if retry is None else retry


def latest_status(reading: Reading) -> IncidentEvent | None:
    """Return what the status page told last; of a long timeline it may not be at hand."""
    found = next((event for event in reading.events if event.kind == EventKind.STATUS), None)
    if found is None and len(reading.events) == EVENTS:
        told = reading.incident.events.filter(kind=EventKind.STATUS)
        return told.order_by("-id").first()
    return found


def people_context(reading: Reading, rules: Rules, number: str | None) -> dict[str, Any]:
    """Return the page of people hit that the address asks for."""
    people = reading.figures.hit
    if not people:
        return {"hits": []}
    page = page_of_hits(reading.access, reading.incident, people, number)
    return {
        "hits": [hit_row(hit, reading.incident, rules, reading.now, reading.zone) for hit in page],
        "hits_page": page,
        "hits_shown": shown_sentence(page.start_index(), page.end_index(), people, more=False),
    }


def still_context(reading: Reading, rules: Rules) -> dict[str, Any]:
    """Return what stays as it is while somebody looks."""
    access, incident = reading.access, reading.incident
    is_intake = incident.kind == Kind.INTAKE
    return {
        "why": words.INTAKE
        if is_intake
        else explanation_of(incident.rule or "unrecognised", rules),
        "class_words": words.CLASSES.get(incident.interpretation or "", ""),
        "changes": changes_around(access, incident, reading.now, reading.zone),
        "chart": chart_of(access, incident),
        "longest_note": LONGEST_NOTE,
        "typed": "",
        "note_refused": "",
    }


def chart_of(access: Access, incident: Incident) -> Chart | None:
    """Return when those hit stopped, as a chart; None of an incident without people."""
    if incident.kind == Kind.INTAKE:
        return None
    return stop_times_chart(stop_times(access, incident), access.time_zone)
