"""What the page of an incident shows: the parts that change while one looks, and the others."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from accounts.access import Access
from monitoring.actions.incidents import LONGEST_NOTE
from monitoring.console import incident_words as words
from monitoring.console.charts import Chart, stop_times_chart
from monitoring.console.incident_changes import changes_around
from monitoring.console.incident_facts import (
    EVENTS,
    HitFigures,
    hit_row,
    page_of_hits,
    stop_times,
)
from monitoring.console.incident_status import provider_says
from monitoring.console.incident_timeline import event_row
from monitoring.console.rows import recent
from monitoring.console.rules import explanations
from monitoring.console.wording import explanation_of, shown_sentence
from monitoring.health.models import Policy
from monitoring.incidents.models import EventKind, Incident, IncidentEvent, Kind

FIRST_RETRY = Policy._meta.get_field("first_retry").default


def version_of(
    incident: Incident, figures: HitFigures, events: Sequence[IncidentEvent], now: datetime
) -> str:
    """Return what changes with anything the live parts say, and each minute, as their times do."""
    asked = incident.status_asked_at
    numbers = (
        figures.hit,
        figures.recovered,
        figures.waiting,
        figures.canaries,
        events[0].pk if events else 0,
        int(asked.timestamp()) if asked else 0,
        int(now.timestamp()) // 60,
    )
    return "-".join(map(str, numbers))


def hits_are_new(seen: str, figures: HitFigures) -> bool:
    """Tell whether more people are hit than a page shows that has seen such a version."""
    return seen.partition("-")[0] != str(figures.hit)


def live_context(
    access: Access,
    incident: Incident,
    figures: HitFigures,
    events: Sequence[IncidentEvent],
    people_page: str | None,
    now: datetime,
) -> dict[str, Any]:
    """Return what may change while somebody looks."""
    zone, name = access.time_zone, words.name_of(incident)
    return {
        "section": "incidents",
        "incident": incident,
        "name": name,
        "figures": figures,
        "has_people": incident.kind == Kind.FAILURES,
        "look": words.STATES[incident.state],
        "heading": words.heading(incident, figures.stops, now, zone),
        "hit": words.people_of(figures.hit),
        "to_recover": words.people_of(figures.not_recovered),
        "progress": words.progress(figures.hit, figures.recovered, figures.waiting),
        "course": words.course(incident, now, zone),
        "held_back": words.held_back(
            incident, figures.canaries, figures.waiting, first_retry(access)
        ),
        "says": provider_says(incident, latest_status(incident, events), now, zone),
        "last_failed": recent(figures.last_failed_at, now, zone),
        "last_recovered": recent(figures.last_recovered_at, now, zone),
        "events": [event_row(event, name, now, zone) for event in events],
        "version": version_of(incident, figures, events, now),
        "recovers": incident.state == "recovering" or incident.recover_asked_at is not None,
        "is_mine": incident.owner_id == access.user.pk,
        **people_context(access, incident, figures, people_page, now),
    }


def first_retry(access: Access) -> int:
    """Return the seconds after which a canary tries again."""
    policy = Policy.objects.filter(organization=access.organization)
    retry = policy.values_list("first_retry", flat=True).first()
    return FIRST_RETRY if retry is None else retry


def latest_status(incident: Incident, events: Sequence[IncidentEvent]) -> IncidentEvent | None:
    """Return what the status page told last; of a long timeline it may not be at hand."""
    found = next((event for event in events if event.kind == EventKind.STATUS), None)
    if found is None and len(events) == EVENTS:
        return incident.events.filter(kind=EventKind.STATUS).order_by("-id").first()
    return found


def people_context(
    access: Access, incident: Incident, figures: HitFigures, number: str | None, now: datetime
) -> dict[str, Any]:
    """Return the page of people hit that the address asks for."""
    if not figures.hit:
        return {"hits": []}
    page, rules = page_of_hits(access, incident, figures.hit, number), explanations()
    return {
        "hits": [hit_row(hit, incident, rules, now, access.time_zone) for hit in page],
        "hits_page": page,
        "hits_shown": shown_sentence(page.start_index(), page.end_index(), figures.hit, more=False),
    }


def still_context(access: Access, incident: Incident, now: datetime) -> dict[str, Any]:
    """Return what stays as it is while somebody looks."""
    rules = explanations()
    cause = "intake" if incident.kind == Kind.INTAKE else incident.rule or "unrecognised"
    return {
        "why": words.INTAKE if cause == "intake" else explanation_of(cause, rules),
        "class_words": words.CLASSES.get(incident.interpretation or "", ""),
        "changes": changes_around(access, incident, now, access.time_zone),
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
