"""How a sync that somebody waits for gets on: from "queued" to its outcome."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from accounts.access import Access
from accounts.models import Person
from monitoring.console.attempts import RESULTS, problem_of
from monitoring.console.wording import Look, deeds_sentence, lowered
from monitoring.health.causes import Explanation
from monitoring.jobs.models import Job, JobState
from monitoring.outcomes.models import Outcome

# After this long the page stops asking; the run itself goes on.
PATIENCE = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Progress:
    """`state` is queued, running, done, late, gone or refused; the first two are still open."""

    state: str
    sentence: str
    attempt_id: UUID | None = None
    look: Look | None = None

    @property
    def open(self) -> bool:
        return self.state in {"queued", "running"}


def progress_of(
    access: Access,
    person: Person,
    attempt_id: UUID,
    rules: Mapping[str, Explanation],
    waited: timedelta,
) -> Progress:
    """Return how an attempt of the person gets on, `waited` after it was asked for."""
    # In this order: a job is closed together with its outcome, so who finds no job finds that.
    job = Job.objects.visible_to(access).filter(person=person, attempt_id=attempt_id).first()
    if job is not None:
        return open_progress(job.attempt_id, job.state, waited)
    outcome = Outcome.objects.visible_to(access).of_person(person.pk)
    found = outcome.filter(attempt_id=attempt_id).first()
    if found is None:
        return Progress("gone", "This run was called off before it began.", attempt_id)
    return progress_of_outcome(found, rules)


def open_progress(attempt_id: UUID, state: int, waited: timedelta) -> Progress:
    """Return the progress of a job that is queued or running."""
    if waited > PATIENCE:
        late = "No result after 10 minutes. The run stays in the queue; look at this page later."
        return Progress("late", late, attempt_id)
    if state == JobState.RUNNING:
        return Progress("running", "Syncing now…", attempt_id)
    return Progress("queued", "Waiting for a free worker…", attempt_id)


def progress_of_outcome(outcome: Outcome, rules: Mapping[str, Explanation]) -> Progress:
    """Return the progress of a run that is over."""
    return Progress(
        "done", outcome_sentence(outcome, rules), outcome.attempt_id, RESULTS[outcome.result]
    )


def outcome_sentence(outcome: Outcome, rules: Mapping[str, Explanation]) -> str:
    """Return what came of a run, for who has just waited for it."""
    deeds, problem = deeds_sentence(outcome.counts), problem_of(outcome, rules)
    if outcome.result == "success":
        return f"Synced: {deeds}." if deeds else "Synced. Nothing had changed on either side."
    if outcome.result == "partial":
        done = f" Done: {deeds}." if deeds else ""
        return f"Synced in part: {lowered(problem)}.{done}"
    if outcome.result == "lost":
        return f"{problem}. It is repeated by itself."
    return f"The sync failed: {lowered(problem)}."
