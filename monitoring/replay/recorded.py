"""Recorded outcomes, as `manage.py ingest` takes them, played on a stage an organization. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from monitoring.errors.facts import RawError
from monitoring.errors.interpretation import Interpreter, built_in_rules
from monitoring.health.fold import JudgedOutcome
from monitoring.intake.schema import OutcomeLine, Refusal, read_line, storable
from monitoring.replay.judging import judged
from monitoring.replay.numbers import Numbers
from monitoring.replay.rules_of_2008 import disables_at_once
from monitoring.replay.stage import Stage


@dataclass(slots=True)
class Recording:
    """What came of one organization's recorded outcomes.

    organization       its slug; empty where the lines name none
    disabled_in_2008   when the rules of 2008 would have switched each person off
    healthy_at         when everybody was well after the last incident; None if never
    """

    organization: str
    stage: Stage
    disabled_in_2008: dict[int, datetime] = field(default_factory=dict)
    healthy_at: datetime | None = None
    _people: dict[str, int] = field(default_factory=dict)
    _next_tick: datetime | None = None

    def number_of(self, person: str) -> int:
        """Return the number by which the stage knows a person."""
        return self._people.setdefault(person.casefold(), len(self._people) + 1)

    def take(self, person_id: int, outcome: JudgedOutcome, error: RawError | None) -> None:
        """Let time pass up to an outcome's end, and take it in."""
        now = outcome.finished_at
        self._next_tick = self.stage.pass_time(self._next_tick or now, now)
        self.stage.take(person_id, outcome)
        if disables_at_once(outcome.result, error):
            self.disabled_in_2008.setdefault(person_id, now)
        self._note_recovery(now)

    def _note_recovery(self, now: datetime) -> None:
        stage = self.stage
        if stage.watch.open:
            self.healthy_at = None
        elif stage.incidents and self.healthy_at is None and stage.is_everybody_well():
            self.healthy_at = now

    def finish(self) -> None:
        """See what the last outcomes led to."""
        if self._next_tick is not None:
            self._next_tick = self.stage.pass_time(self._next_tick, self._next_tick)

    @property
    def minutes_to_all_healthy(self) -> float | None:
        """Return the minutes from the end of the last incident until everybody was well."""
        ended = [incident.closed_at for incident in self.stage.incidents]
        if not ended or None in ended or self.healthy_at is None:
            return None
        last = max(closed_at for closed_at in ended if closed_at is not None)
        return max((self.healthy_at - last).total_seconds() / 60, 0.0)


def read_outcomes(
    lines: Iterable[tuple[int, bytes | Refusal]], now: datetime
) -> tuple[list[OutcomeLine], list[Refusal]]:
    """Part numbered lines into outcomes, in order of time, and refusals."""
    outcomes: dict[UUID, OutcomeLine] = {}
    refused: list[Refusal] = []
    for number, line in lines:
        read = line if isinstance(line, Refusal) else read_line(number, line, now)
        if isinstance(read, Refusal):
            refused.append(read)
        else:
            outcomes.setdefault(read.attempt_id, read)
    in_order = sorted(outcomes.values(), key=lambda each: (each.finished_at, each.attempt_id))
    return in_order, refused


def play_recorded(
    outcomes: Sequence[OutcomeLine], numbers: Numbers | None = None
) -> list[Recording]:
    """Play outcomes that are in order of time; organizations come in order of their slugs."""
    interpreter = Interpreter(built_in_rules())
    recordings: dict[str, Recording] = {}
    for line in outcomes:
        slug = line.organization or ""
        recording = recordings.get(slug)
        if recording is None:
            stage = Stage(numbers=numbers, organization_id=len(recordings) + 1)
            recording = recordings[slug] = Recording(slug, stage)
        error = None if line.error is None else RawError(**storable(line.error))
        outcome = judged(line.attempt_id, line.finished_at, line.result, error, interpreter)
        recording.take(recording.number_of(str(line.person)), outcome, error)
    for recording in recordings.values():
        recording.finish()
    return [recordings[slug] for slug in sorted(recordings)]
