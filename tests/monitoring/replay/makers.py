"""Stories played for tests, each once a seed."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from functools import cache
from random import Random
from typing import Any

from accounts.access import Access
from accounts.models import Organization, Person
from monitoring.alerts.plan_facts import Phase
from monitoring.errors.facts import RawError
from monitoring.errors.interpretation import Interpreter, RuleSet, built_in_rules
from monitoring.errors.models import RuleChange
from monitoring.errors.rules import rule_from
from monitoring.health.begin import health_begin
from monitoring.outcomes.identifiers import attempt_id_at
from monitoring.replay.backtest import Recorded
from monitoring.replay.judging import judged
from monitoring.replay.models import BackTest
from monitoring.replay.scenarios import SCENARIOS
from monitoring.replay.simulation import Played, play
from monitoring.replay.tests_of_rules import back_test_ask
from tests.factories import NOW, make_connected_person
from tests.monitoring.errors.makers import propose
from tests.monitoring.incidents.makers import make_reported
from tests.monitoring.intake.makers import record

SEEDS = (1, 2)
INTERPRETER = Interpreter(built_in_rules())


@cache
def played(name: str, seed: int = 1) -> Played:
    return play(SCENARIOS[name], seed)


def messages(story: Played) -> Counter[tuple[str, str, str, str]]:
    """Count messages by kind and cause of their episode, recipient and phase."""
    return Counter(
        (sent.episode.kind, sent.episode.cause, str(sent.message.recipient), sent.message.phase)
        for sent in story.stage.sent
    )


def personal_messages(story: Played, phase: Phase | None = None) -> list[tuple[str, str]]:
    """Return cause and recipient of the messages about people who need a human."""
    return [
        (sent.episode.cause, str(sent.message.recipient))
        for sent in story.stage.sent
        if sent.episode.kind == "stalled" and phase in (None, sent.message.phase)
    ]


def statuses_ever(story: Played, *, without: frozenset[int] = frozenset()) -> set[str]:
    """Return every status that anybody came to have, but for some."""
    stage = story.stage
    return {
        change.after.status
        for person_id in stage.people.known
        if person_id not in without
        for change in stage.transitions(person_id)
    }


def stalled_for_longer(story: Played, than: timedelta) -> set[int]:
    """Return who was stalled for longer than that.

    Who is confirmed in the minute before an incident is found is folded anew when it is, and the
    change back bears the time of their last run: that is no time at all.
    """
    found = set()
    for person_id in story.stage.people.known:
        since = None
        for change in story.stage.transitions(person_id):
            if since is not None and change.at - since > than:
                found.add(person_id)
            since = change.at if change.after.status == "stalled" else None
        if since is not None:
            found.add(person_id)
    return found


def recorded(
    person_id: int, minutes: float, result: str = "success", error: RawError | None = None
) -> Recorded:
    """An outcome that ended so many minutes after NOW, judged by the built-in rules."""
    at = NOW + timedelta(minutes=minutes)
    attempt_id = attempt_id_at(at, Random(f"{person_id} {minutes}"))
    return Recorded(person_id, judged(attempt_id, at, result, error, INTERPRETER), error)


def runs_every(
    hours: float, person_id: int, error: RawError | None = None, *, days: float = 1
) -> list[Recorded]:
    """A person's runs, all good or all failed with one error; no two people's at one moment."""
    result = "success" if error is None else "failure"
    return [
        recorded(person_id, 60 * hours * number + person_id / 1_000, result, error)
        for number in range(int(24 * days / hours))
    ]


def rules_with(**overrides: Any) -> RuleSet:
    """The built-in rules under one more that holds for a locked row."""
    rule = {
        "id": "row-to-unlock",
        "class": "needs_user",
        "who": "person",
        "title": "A row is locked",
        "meaning": "Somebody holds it.",
        "next_step": "Let go of it.",
        "codes": ["UNABLE_TO_LOCK_ROW"],
    } | overrides
    return built_in_rules().with_rules_above([rule_from(rule)], version=1_000_001)


LOCKED = {
    "provider": "salesforce",
    "channel": "http-json",
    "status": 400,
    "headers": {},
    "body": '[{"errorCode":"UNABLE_TO_LOCK_ROW","message":"unable to obtain exclusive access"}]',
    "operation": "event.upsert",
}
# A locked row becomes something the person must do.
UNLOCK: dict[str, Any] = {
    "class": "needs_user",
    "who": "person",
    "title": "A row is locked",
    "meaning": "Somebody holds it.",
    "next_step": "Let go of it.",
    "codes": ["UNABLE_TO_LOCK_ROW"],
}


def make_history(organization: Organization, *errors: Any, days: float = 1) -> list[Person]:
    """People who ran every two hours up to NOW, each with good runs or all failed with an error.

    What came of them went through the intake.
    """
    people = [make_connected_person(organization) for _ in errors]
    health_begin([person.pk for person in people], now=NOW - timedelta(days=days + 1))
    outcomes = [
        make_reported(person, NOW - timedelta(hours=2 * number, seconds=place), error)
        for place, (person, error) in enumerate(zip(people, errors, strict=True))
        for number in range(int(12 * days), 0, -1)
    ]
    record(outcomes)
    return people


def propose_unlock(access: Access, **overrides: Any) -> RuleChange:
    return propose(access, **{"rule": "row-to-unlock", "definition": UNLOCK} | overrides)


def ask_for_test(access: Access, **overrides: Any) -> BackTest:
    change = overrides.pop("change", None) or propose_unlock(access, **overrides)
    return back_test_ask(access=access, change=change, now=NOW)
