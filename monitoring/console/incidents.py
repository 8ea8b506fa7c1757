"""The list of incidents: of an organization, and for support staff of those across several."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from typing import Any

from django.contrib.auth.decorators import login_required
from django.core.paginator import Page, Paginator
from django.db.models import Count, F, Window
from django.db.models.functions import RowNumber
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from accounts.access import access_for
from monitoring.alerts.number_words import counted
from monitoring.console.incident_words import STATES, hit_sentence, lasted, name_of
from monitoring.console.pages import kept_by_nobody, page
from monitoring.console.rows import Moment, past
from monitoring.console.wording import Look
from monitoring.incidents.models import Incident, Kind

PER_PAGE = 25
MOST_PARTS = 20


@dataclass(frozen=True, slots=True)
class IncidentRow:
    """One incident in the list; `waiting` is empty for one without people."""

    id: int
    name: str
    sentence: str
    look: Look
    is_open: bool
    began: Moment | None
    lasted: str
    waiting: str
    owner: str


def incident_row(incident: Incident, now: datetime, zone: tzinfo) -> IncidentRow:
    has_people = incident.kind == Kind.FAILURES
    return IncidentRow(
        id=incident.pk,
        name=name_of(incident),
        sentence=hit_sentence(incident, now, zone),
        look=STATES[incident.state],
        is_open=incident.closed_at is None,
        began=past(incident.began_at, now, zone),
        lasted=lasted(incident, now),
        waiting=f"{incident.people_waiting:,}" if has_people else "",
        owner=incident.owner_name,
    )


@login_required
@require_safe
def incidents(request: HttpRequest, slug: str) -> HttpResponse:
    """List the incidents of an organization: open ones, those that recover, then the latest."""
    access = access_for(request.user, slug)
    now = timezone.now()
    found = page_of(Incident.objects.visible_to(access).newest_first(), request)
    context = {
        "section": "incidents",
        "page": found,
        "rows": [incident_row(each, now, access.time_zone) for each in found],
    }
    return page(request, access, "console/incidents.html", "results", context)


def page_of(incidents: Any, request: HttpRequest) -> Page:
    return Paginator(incidents, PER_PAGE).get_page(request.GET.get("page"))


@dataclass(frozen=True, slots=True)
class Whole:
    """One incident across organizations; `parts` are the first of its own in each."""

    row: IncidentRow
    reach: str
    parts: list[Incident]
    more: int


@login_required
@require_safe
def incidents_across(request: HttpRequest) -> HttpResponse:
    """List the incidents that belong to no one organization. For support staff only."""
    if not request.user.is_staff:
        raise Http404
    now = timezone.now()
    whole = Incident.objects.filter(organization=None).annotate(organizations=Count("parts"))
    found = page_of(whole.newest_first(), request)
    parts = parts_of([incident.pk for incident in found])
    wholes = [whole_of(each, parts[each.pk], now) for each in found]
    context: dict[str, Any] = {
        "page": found,
        "wholes": wholes,
        "zone_name": "UTC",
        "tab": "across",
    }
    return kept_by_nobody(render(request, "console/incidents_across.html", context))


def parts_of(incident_ids: list[int]) -> defaultdict[int | None, list[Incident]]:
    """Return the largest parts of each, with their organizations."""
    place = Window(RowNumber(), partition_by=F("part_of"), order_by=["-people_hit", "id"])
    found = (
        Incident.objects.filter(part_of__in=incident_ids)
        .select_related("organization")
        .annotate(place=place)
        .filter(place__lte=MOST_PARTS)
        .order_by("part_of", "place")
    )
    parts: defaultdict[int | None, list[Incident]] = defaultdict(list)
    for part in found:
        parts[part.part_of_id].append(part)
    return parts


def whole_of(incident: Any, parts: list[Incident], now: datetime) -> Whole:
    return Whole(
        incident_row(incident, now, UTC),
        "all organizations"
        if incident.kind == Kind.INTAKE
        else counted(incident.organizations, "organization"),
        parts,
        incident.organizations - len(parts),
    )
