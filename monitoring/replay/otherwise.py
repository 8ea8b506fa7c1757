"""The people of a stage as they would be if some of their verdicts had been others. Pure.

Only those are followed twice who had such a verdict, and only until a good run makes both sides
the same again: a good run leaves nothing of the failures before it.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime

from monitoring.health.fold import JudgedOutcome
from monitoring.replay.differences import Differences
from monitoring.replay.incident import Incident
from monitoring.replay.people import People
from monitoring.replay.watch import Watch


class Otherwise:
    """The other side of a stage: `begin` before the stage takes an outcome, `take` after it.

    Incidents are those of the stage, for they are found by signatures, which no rule changes.
    Whom they hit and whom they excuse is decided here by how the person would stand.
    """

    def __init__(self, people: People, watch: Watch) -> None:
        self._stands = people
        self._watch = watch
        self.people = People(people.policy, people.own_intervals)
        self.differences = Differences()
        # By incident: who of the people here is hit by it and had no good run since.
        self._waiting: defaultdict[int, set[int]] = defaultdict(set)
        self._opened = 0
        self._known_open: set[tuple[int, int]] = set()

    def __contains__(self, person_id: int) -> bool:
        return person_id in self.people.known

    def begin(self, person_id: int) -> None:
        """Follow a person from here on; nothing happens where they are followed already."""
        known = self._stands.known.get(person_id)
        if known is None or person_id in self:
            return
        self.people.adopt(person_id, known)
        for incident in self._watch.active:
            if person_id in incident.waiting:
                self._waiting[incident.number].add(person_id)

    def take(self, person_id: int, outcome: JudgedOutcome) -> None:
        """Take in an outcome with the verdict it would have had; the stage has taken its own."""
        self.people.take(person_id, outcome, self._watch.shields)
        runs = self.people.runs(person_id)
        for incident in self._watch.active:
            if outcome.result == "success":
                self._waiting[incident.number].discard(person_id)
            elif incident.is_open and incident.explains(runs) and incident.concerns(runs):
                self._waiting[incident.number].add(person_id)
        self._compare(person_id, outcome.finished_at)
        if outcome.result == "success" and self._is_as_it_stands(person_id):
            self.people.release(person_id)

    def tick(self, now: datetime, looked_at: Iterable[int]) -> None:
        """Do what the stage has done, which has looked again at these people."""
        if self._watch.opened != self._opened:
            self._opened = self._watch.opened
            self._follow_opened(now)
        for person_id in looked_at:
            if person_id in self:
                self._compare(person_id, now)
        for person_id in self.people.look_again(now):
            self._compare(person_id, now)

    def _follow_opened(self, now: datetime) -> None:
        """Let incidents that have just opened explain the failures of people here too."""
        for incident in self._watch.open:
            if (incident.number, incident.flaps) in self._known_open:
                continue
            self._known_open.add((incident.number, incident.flaps))
            # Who was heard of since it closed is hit by it only if it hits them again.
            waiting = self._waiting[incident.number]
            waiting &= incident.waiting
            for person_id in sorted(self.people.failing):
                runs = self.people.runs(person_id)
                if incident.explains(runs):
                    self.people.fold_anew(person_id, self._watch.shields)
                    if incident.concerns(runs):
                        waiting.add(person_id)
        for person_id in self.people.known:
            self._compare(person_id, now)

    def _compare(self, person_id: int, now: datetime) -> None:
        stands = self._stands.known[person_id].facts.standing
        otherwise = self.people.known[person_id].facts.standing
        self.differences.note(person_id, now, stands, otherwise)

    def _is_as_it_stands(self, person_id: int) -> bool:
        stands = self._stands.known[person_id].facts
        otherwise = self.people.known[person_id].facts
        return stands.runs == otherwise.runs and stands.standing == otherwise.standing

    def stalled_alone(self) -> Mapping[str, int]:
        """Count who would be stalled by cause, without those whom an open incident hits.

        Of a cause whose people it hits all, none.
        """
        causes = Counter(self._stands.causes)
        elsewhere = self._stands.stalled
        causes.subtract(elsewhere[each] for each in elsewhere.keys() & self.people.known.keys())
        causes.update(self.people.causes)
        hit = Counter(self._causes_of_hit(self._watch.open))
        return {cause: number - hit[cause] for cause, number in (+causes).items()}

    def _causes_of_hit(self, incidents: Collection[Incident]) -> list[str]:
        """Return the cause of each who is stalled and hit, whether followed here or not."""
        stalled, here = self._stands.stalled, self.people.stalled
        alone: set[int] = set()
        followed: set[int] = set()
        for incident in incidents:
            alone |= incident.waiting & stalled.keys()
            followed |= self._waiting[incident.number] & here.keys()
        alone -= self.people.known.keys()
        return [*(stalled[each] for each in alone), *(here[each] for each in followed)]
