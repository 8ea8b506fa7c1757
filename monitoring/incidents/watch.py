"""What the tick does about incidents of failures.

Its cost follows who failed lately and what is open, not how many people there are.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from datetime import datetime

from monitoring.incidents.course import (
    canaries_appoint,
    courses_of,
    incident_close,
    incident_note_counts,
)
from monitoring.incidents.detection import Course, Thresholds, find_incident, is_over
from monitoring.incidents.models import Incident
from monitoring.incidents.opening import incident_open
from monitoring.incidents.recovery import Pace
from monitoring.incidents.windows import Windows, organizations_failing, usual_of, windows_of

THRESHOLDS = Thresholds()
PACE = Pace()


def incidents_find(*, now: datetime) -> list[Incident]:
    """Look where somebody failed lately for many failing together; return what was opened."""
    failing = organizations_failing(now)
    if not failing:
        return []
    known = providers_known(failing)
    opened = []
    for organization, windows in windows_of(failing, now, THRESHOLDS, explained=False).items():
        incident = incident_find(organization, windows, known[organization], now)
        if incident is not None:
            opened.append(incident)
    return opened


def providers_known(organization_ids: Collection[int]) -> defaultdict[int, set[str]]:
    """Return the providers of which an incident is open already, by organization."""
    known: defaultdict[int, set[str]] = defaultdict(set)
    is_open = Incident.objects.of_failures().open().filter(organization__in=organization_ids)
    for organization, provider in is_open.values_list("organization_id", "provider"):
        known[organization].add(provider)
    return known


def incident_find(
    organization_id: int, windows: Windows, known: Collection[str], now: datetime
) -> Incident | None:
    """Open an incident of an organization if its windows show one not known yet."""
    news = {length: window.without(known) for length, window in windows.items()}
    most = max(sum(window.failing.values()) for window in news.values())
    if most < min(THRESHOLDS.small_people, THRESHOLDS.people):
        return None
    finding = find_incident(news, usual_of(organization_id, now), THRESHOLDS)
    if finding is None:
        return None
    return incident_open(
        organization_id=organization_id, finding=finding, now=now, thresholds=THRESHOLDS
    )


def incidents_follow(*, now: datetime) -> list[Incident]:
    """Count, close what is over, and keep the canaries of what is open; return what was closed."""
    incidents = list(Incident.objects.of_failures().not_over().exclude(organization=None))
    if not incidents:
        return []
    organizations = {incident.organization_id for incident in incidents}
    windows = windows_of(organizations, now, THRESHOLDS, explained=True)
    short = {each: of_length[THRESHOLDS.window] for each, of_length in windows.items()}
    courses = courses_of(incidents, short)
    return [each for each in incidents if incident_follow(each, *courses[each.pk], now)]


def incident_follow(incident: Incident, course: Course, waiting: int, now: datetime) -> bool:
    """Take one incident a step further; tell whether it was closed."""
    incident_note_counts(incident, course, waiting, now, THRESHOLDS)
    if incident.closed_at is not None:
        return False
    if is_over(course, THRESHOLDS):
        return incident_close(incident=incident, course=course, now=now)
    canaries_appoint(incident=incident, now=now, pace=PACE)
    return False
