"""One row of the list of people, in words. Pure but for reading a loaded Health row."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import TYPE_CHECKING

from django.utils.safestring import SafeString

from monitoring.console import connections, moments
from monitoring.console.last_deed import LastDeed, last_deed
from monitoring.console.rows import Moment, coming, past, situation_of
from monitoring.console.rule_words import class_words
from monitoring.console.strip import strip_html
from monitoring.console.wording import Look, look_of, no_next_run, reason
from monitoring.health.causes import Explanation

if TYPE_CHECKING:
    from monitoring.console.tables import ListedHealth


@dataclass(frozen=True, slots=True)
class Row:
    """What the list says of somebody. `kind` is the class of the last run's error, in words."""

    person_id: int
    name: str
    email: str
    team: str
    look: Look
    reason: str
    held_because: str
    since: Moment | None
    kind: str
    recent: str
    last_attempt: Moment | None
    last_good: Moment | None
    next_run: Moment | None
    no_next_run: str
    interval: str
    slowed: bool
    google: Look
    salesforce: Look
    deed: LastDeed | None

    @property
    def strip(self) -> SafeString | None:
        """The last runs as a drawing."""
        return strip_html(self.recent) if self.recent else None


def row_of(
    health: ListedHealth, rules: Mapping[str, Explanation], now: datetime, zone: tzinfo
) -> Row:
    """Return the row of a Health loaded by `tables.as_listed`.

    A connection whose column was not asked for looks as if it were missing.
    """
    situation = situation_of(health, now)
    person = health.person
    return Row(
        person_id=person.pk,
        name=person.name,
        email=person.email,
        team=person.team,
        look=look_of(health.status, health.cause),
        reason=reason(situation, rules, now, zone),
        held_because=situation.held_because,
        since=past(health.status_since, now, zone),
        kind=class_words(health.last_interpretation) if health.last_interpretation else "",
        recent=health.recent,
        last_attempt=past(health.last_attempt_at, now, zone),
        last_good=past(health.last_success_at, now, zone),
        next_run=coming(situation.next_due, now, zone),
        no_next_run=no_next_run(situation),
        interval=moments.interval(situation.interval, situation.base_interval),
        slowed=situation.interval != situation.base_interval,
        google=connection_look(getattr(health, "google_state", None)),
        salesforce=connection_look(getattr(health, "salesforce_state", None)),
        deed=last_deed(health.last_deed, now, zone),
    )


def connection_look(state: str | None) -> Look:
    return connections.LOOKS[state or "missing"]
