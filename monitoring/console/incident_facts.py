"""What the page of an incident reads: counts, times and people hit. SQL counts, sorts and pages."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import TYPE_CHECKING, Any

from django.core.paginator import Page
from django.db import connection
from django.db.models import F

from monitoring.console.addresses import PER_PAGE
from monitoring.console.axes import LENGTHS
from monitoring.console.incident_words import Stops
from monitoring.console.rows import Moment, recent
from monitoring.console.tables import CountedPaginator
from monitoring.console.wording import Look
from monitoring.health.causes import Explanation, explanation_of
from monitoring.incidents.models import Hit, HitQuerySet, Incident, IncidentEvent

if TYPE_CHECKING:
    from collections.abc import Mapping

    from accounts.access import Access

# A chart draws fewer; these are joined to its bars.
MOST_BINS = 240
EVENTS = 50

FIGURES = """
    WITH hit AS (
        SELECT first_failed_at, last_failed_at, canary, recovered_at,
            recovered_at IS NULL AND ended_at IS NULL AS waiting
        FROM incidents_hit WHERE incident_id = %(incident)s AND organization_id = %(organization)s
    ), middle AS (
        SELECT percentile_disc(ARRAY[0.05, 0.95]) WITHIN GROUP (ORDER BY first_failed_at) AS ends
        FROM hit
    )
    SELECT count(*), count(recovered_at), count(*) FILTER (WHERE waiting),
        count(*) FILTER (WHERE waiting AND canary), max(last_failed_at), max(recovered_at),
        min(first_failed_at), max(first_failed_at), min(ends[1]), min(ends[2]),
        count(*) FILTER (WHERE first_failed_at BETWEEN ends[1] AND ends[2])
    FROM hit CROSS JOIN middle
"""
# The narrowest bins of which not too many fill the time from the first to the last.
STOPS = """
    WITH hit AS (
        SELECT first_failed_at AS at FROM incidents_hit
        WHERE incident_id = %(incident)s AND organization_id = %(organization)s
    ), bin AS (
        SELECT make_interval(secs => coalesce(
            min(length) FILTER (WHERE length * %(most)s > seconds), max(length)
        )) AS width
        FROM unnest(%(lengths)s::int[]) AS length,
            (SELECT extract(epoch FROM max(at) - min(at)) AS seconds FROM hit) AS span
    )
    SELECT date_bin(bin.width, at, 'epoch'), count(*) FROM hit CROSS JOIN bin GROUP BY 1 ORDER BY 1
"""
LEFT_OUT = """
    SELECT count(*), count(*) FILTER (WHERE health.hold_id IS NOT NULL OR NOT health.runs_here)
    FROM incidents_hit AS hit JOIN health_health AS health USING (person_id)
    WHERE incident_id = %(incident)s AND hit.organization_id = %(organization)s
        AND hit.recovered_at IS NULL
"""


@dataclass(frozen=True, slots=True)
class HitFigures:
    """How many people are hit, of them had a good run since, and wait for one; and the times.

    `own_trouble` failed again after the end, for a reason of their own. `stops` is None where
    nobody is hit.
    """

    hit: int
    recovered: int
    waiting: int
    canaries: int
    last_failed_at: datetime | None
    last_recovered_at: datetime | None
    stops: Stops | None

    @property
    def own_trouble(self) -> int:
        return self.hit - self.recovered - self.waiting

    @property
    def not_recovered(self) -> int:
        return self.hit - self.recovered


def scope(access: Access, incident: Incident) -> dict[str, Any]:
    return {"incident": incident.pk, "organization": access.organization.pk}


def figures_of_hits(access: Access, incident: Incident) -> HitFigures:
    """Return how the people hit stand, in one statement."""
    with connection.cursor() as cursor:
        cursor.execute(FIGURES, scope(access, incident))
        hit, recovered, waiting, canaries, failed_at, good_at, *times = cursor.fetchone()
    stops = Stops(hit, *times) if hit else None
    return HitFigures(hit, recovered, waiting, canaries, failed_at, good_at, stops)


def stop_times(access: Access, incident: Incident) -> list[tuple[datetime, int]]:
    """Return how many people stopped when, by the minute or by wider bins of a long incident."""
    values = scope(access, incident) | {"most": MOST_BINS, "lengths": list(LENGTHS)}
    with connection.cursor() as cursor:
        cursor.execute(STOPS, values)
        return cursor.fetchall()


def to_recover(access: Access, incident: Incident) -> tuple[int, int]:
    """Return how many wait for a good run, and how many of them can't be tried from here."""
    with connection.cursor() as cursor:
        cursor.execute(LEFT_OUT, scope(access, incident))
        people, left_out = cursor.fetchone()
    return people, left_out


def events_of(incident: Incident) -> list[IncidentEvent]:
    """Return the newest lines of the timeline of an incident the reader may see."""
    return list(incident.events.order_by("-id")[:EVENTS])


@dataclass(frozen=True, slots=True)
class HitRow:
    person_id: int
    name: str
    email: str
    look: Look
    detail: str
    when: Moment | None
    stopped: Moment | None
    gap_since: Moment | None


WAITING = Look("Waiting", "never_connected", "neutral")
CANARY = Look("Tries often", "recovering", "brand")
ASKED = Look("Sync asked for", "recovering", "brand")
RECOVERED = Look("Synced again", "healthy", "success")
OWN_TROUBLE = Look("Still failing", "stalled", "error")
OFF = Look("Off", "disabled", "neutral")


def hits_of(access: Access, incident: Incident) -> HitQuerySet:
    """Return the people hit: who waits first, the oldest gap first, then those of own trouble."""
    hits: HitQuerySet = Hit.objects.visible_to(access).filter(incident=incident)
    return hits.order_by(
        F("recovered_at").desc(nulls_first=True),
        F("ended_at").desc(nulls_first=True),
        "-canary",
        "gap_since",
        "person_id",
    )


def page_of_hits(access: Access, incident: Incident, people: int, number: str | None) -> Page:
    """Return a page of people hit, or the nearest there is; `people` are all of them.

    Only keys are sorted; the people are fetched of those shown.
    """
    hits = hits_of(access, incident)
    page = CountedPaginator(hits.values("pk"), PER_PAGE, known=people).get_page(number)
    shown = Hit.objects.filter(pk__in=page.object_list).select_related("person__health")
    page.object_list = list(shown.order_by(*hits.query.order_by))
    return page


def hit_row(
    hit: Hit, incident: Incident, rules: Mapping[str, Explanation], now: datetime, zone: tzinfo
) -> HitRow:
    """Return the row of a hit loaded by `page_of_hits`."""
    look, detail, when = standing_of(hit, incident, rules)
    return HitRow(
        person_id=hit.person_id,
        name=hit.person.name,
        email=hit.person.email,
        look=look,
        detail=detail,
        when=recent(when, now, zone),
        stopped=recent(hit.first_failed_at, now, zone),
        gap_since=recent(hit.gap_since, now, zone),
    )


def standing_of(
    hit: Hit, incident: Incident, rules: Mapping[str, Explanation]
) -> tuple[Look, str, datetime | None]:
    """Return how somebody hit stands: its look, a few words on it, and since when."""
    health = hit.person.health
    if hit.recovered_at is not None:
        return RECOVERED, "", hit.recovered_at
    if hit.ended_at is not None:
        of_own = health.cause not in {"", "incident"}
        why = explanation_of(health.cause, rules).title if of_own else ""
        return OWN_TROUBLE, why or "For a reason of their own", hit.ended_at
    if health.hold_id is not None:
        return OFF, "Switched off by a person, so not tried", None
    if not health.runs_here:
        return WAITING, "Synced by another engine", None
    if hit.asked_at is not None:
        return ASKED, "", hit.asked_at
    if hit.canary and incident.closed_at is None:
        return CANARY, "To see when it ends", None
    return WAITING, "", None
