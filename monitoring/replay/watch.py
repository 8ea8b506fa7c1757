"""Finding, opening, closing and recovering incidents on a stage. Pure.

The order is that of the service's tick: find and open, close, appoint canaries, recover.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from monitoring.health.fold import JudgedOutcome
from monitoring.health.shields import Shield, provider_of
from monitoring.incidents.detection import Finding, find_incident, is_over
from monitoring.incidents.recovery import canaries_to_appoint, places_free, rate_of, start_times
from monitoring.replay.incident import Incident
from monitoring.replay.numbers import Numbers
from monitoring.replay.people import People
from monitoring.replay.pulse import Pulse

Start = tuple[int, datetime]
# Runs are not taken in later than this after they ended.
LATEST = timedelta(days=8)


class Watch:
    """The incidents of one organization's people; at most one is open for a provider.

    incidents   all there ever were; `active` those of which something may still come
    opened      how often one opened, or opened again; `closed` how often one closed
    shields     what explains failures, now and as far back as a run may come late
    """

    def __init__(self, people: People, numbers: Numbers) -> None:
        self._people = people
        self._numbers = numbers
        self.pulse = Pulse(numbers.thresholds)
        self.incidents: list[Incident] = []
        self.shields: Sequence[Shield] = ()
        self._past_shields: list[Shield] = []
        self.opened = 0
        self.closed = 0
        self.active: list[Incident] = []

    @property
    def open(self) -> list[Incident]:
        return [incident for incident in self.active if incident.is_open]

    @property
    def is_idle(self) -> bool:
        """Tell whether nothing will come of a tick until somebody runs."""
        if not self.active:
            return self.pulse.is_calm
        return self.pulse.is_empty and all(map(self._is_idle, self.active))

    def _is_idle(self, incident: Incident) -> bool:
        """Tell whether an incident only waits for its canaries."""
        enough = min(self._numbers.pace.canaries, len(incident.waiting))
        return incident.is_open and len(incident.canaries) >= enough

    def hear(self, person_id: int, outcome: JudgedOutcome, is_latest: bool) -> None:
        """Take note of a run that has been folded."""
        signature = "" if outcome.result == "success" else outcome.signature or ""
        if not is_latest:
            self.pulse.take_late(outcome.finished_at, signature)
            return
        if outcome.result == "success" and not self.active:
            self.pulse.take(person_id, outcome.finished_at, signature)
            return
        runs = self._people.runs(person_id)
        self.pulse.take(person_id, outcome.finished_at, signature, explained=runs.in_incident)
        for incident in self.active:
            shield = incident.shield
            incident.hears(person_id, outcome, runs)
            if incident.shield is not shield:
                self._gather_shields()

    def tick(self, now: datetime) -> list[Start]:
        """Do what is due; return whom to sync outside the schedule, and when each starts."""
        self.pulse.slide(now, self.shields)
        if self.pulse.is_calm and not self.active:
            return []
        self._find(now)
        if not self.active:
            return []
        for incident in self.open:
            self._close_if_over(incident, now)
        for incident in self.open:
            self._appoint(incident, now)
        starts = [start for incident in self.active for start in self._recover(incident, now)]
        self._let_go(now)
        return starts

    def _find(self, now: datetime) -> None:
        if self.pulse.is_calm:
            return
        known = {incident.provider for incident in self.open}
        if not known and self.pulse.rules_out(now):
            return
        windows = {
            length: window.without(known) for length, window in self.pulse.windows(now).items()
        }
        finding = find_incident(windows, self.pulse.usual, self._numbers.thresholds)
        if finding is not None:
            self._open(finding, now)

    def _open(self, finding: Finding, now: datetime) -> None:
        """Open an incident, or again the one that seemed to be over, and fold anew whom it hit."""
        since = self._first_failure(finding, now)
        longest = timedelta(seconds=self._numbers.thresholds.longest)
        shield = Shield(finding.provider, since, since + longest)
        incident = self._lately_closed(finding.provider, now)
        if incident is None:
            incident = Incident(len(self.incidents) + 1, finding, since, now, shield)
            self.incidents.append(incident)
            self.active.append(incident)
        else:
            self._past_shields.append(incident.shield)
            incident.opens_again(finding, shield)
        self.opened += 1
        self._gather_shields()
        for person_id in sorted(self._people.failing):
            runs = self._people.runs(person_id)
            if incident.explains(runs):
                self._people.fold_anew(person_id, self.shields)
                self.pulse.explain(person_id)
                if incident.concerns(runs):
                    incident.hits(person_id)

    def _lately_closed(self, provider: str, now: datetime) -> Incident | None:
        within = timedelta(seconds=self._numbers.thresholds.reopen_within)
        for incident in self.active:
            closed = incident.closed_at
            if incident.provider == provider and closed is not None and now - closed <= within:
                return incident
        return None

    def _first_failure(self, finding: Finding, now: datetime) -> datetime:
        """Return when the first run of the finding's group ended, within its window."""
        earliest = now - timedelta(seconds=finding.window)
        first = now
        for person_id in self._people.failing:
            for outcome in reversed(self._people.known[person_id].history):
                if outcome.result == "success" or outcome.finished_at < earliest:
                    break
                if is_of_group(outcome.signature, finding):
                    first = min(first, outcome.finished_at)
        return first

    def _close_if_over(self, incident: Incident, now: datetime) -> None:
        window = self.pulse.window(self._numbers.thresholds.window, now)
        incident.measures(window, self._numbers.thresholds.few_tried)
        if not is_over(incident.course(window), self._numbers.thresholds):
            return
        incident.closes(now)
        self.closed += 1
        self._gather_shields()
        for person_id in incident.to_recover:
            self._people.put_off(person_id, now)

    def _appoint(self, incident: Incident, now: datetime) -> None:
        pace = self._numbers.pace
        if len(incident.canaries) >= pace.canaries:
            return
        waiting = self._people.waiting(incident.waiting, now)
        appointed = canaries_to_appoint(waiting, incident.canaries, pace, now)
        for person_id in appointed:
            self._people.pull_forward(person_id, now)
        if appointed:
            incident.appoint(incident.canaries.union(appointed))
            self._gather_shields()

    def _recover(self, incident: Incident, now: datetime) -> list[Start]:
        if incident.is_open or not incident.to_recover:
            return []
        hit, pace = len(incident.everybody), self._numbers.pace
        places = places_free(
            under_way=len(incident.under_way),
            per_second=rate_of(hit, pace),
            seconds=self._numbers.tick,
        )
        waiting = self._people.waiting(incident.to_recover, now)
        starts = start_times(waiting, places, hit, now, pace)
        asked = {person_id for person_id, _ in starts}
        incident.to_recover -= asked
        incident.under_way |= asked
        return starts

    def _let_go(self, now: datetime) -> None:
        """Forget incidents of which nothing more can come, and shields that no run is late for."""
        within = timedelta(seconds=self._numbers.thresholds.reopen_within)
        done = [
            incident
            for incident in self.active
            if incident.closed_at is not None
            and now - incident.closed_at > within
            and not incident.to_recover
        ]
        for incident in done:
            self.active.remove(incident)
            self._past_shields.append(incident.shield)
        if done:
            self._past_shields = [
                shield
                for shield in self._past_shields
                if shield.until is not None and now - shield.until <= LATEST
            ]
            self._gather_shields()

    def _gather_shields(self) -> None:
        self.shields = [*self._past_shields, *(each.shield for each in self.active)]


def is_of_group(signature: str | None, finding: Finding) -> bool:
    """Tell whether a failure belongs to those that were found together."""
    if finding.is_mixed:
        return provider_of(signature) == finding.provider
    return signature == finding.signature
