"""What a cause of somebody's status means, in plain words. Pure.

A cause is the id of a rule (`monitoring.errors`) or one of our own in CAUSES, which
`monitoring.health.fold.Standing` lists. Either way it has a title, a meaning and a next step.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from monitoring.errors.ruleset import RuleSet


@dataclass(frozen=True, slots=True)
class Explanation:
    """What a cause means to an admin, and what to do about it."""

    title: str
    meaning: str
    next_step: str


CAUSES = {
    "": Explanation("Every run gets through", "", ""),
    "never_connected": Explanation(
        "Google and Salesforce are not both connected",
        "Nothing can be synced before both are.",
        "Connect this person's Google calendar and Salesforce user.",
    ),
    "awaiting_first_success": Explanation(
        "Waiting for the first good run",
        "Syncing has been set up, and no run has got through yet.",
        "Nothing. The first run comes by itself.",
    ),
    "overdue": Explanation(
        "The next run is late",
        "A run was due, and nothing has been heard of it yet.",
        "Nothing yet. If it lasts, ask for a sync now.",
    ),
    "silent": Explanation(
        "No run for too long",
        "Nothing at all has been heard of this person's syncing, neither good nor bad.",
        "Ask for a sync now. If no run starts, tell whoever operates the service.",
    ),
    "silent_elsewhere": Explanation(
        "No run for too long",
        "The engine that syncs this person has reported nothing, neither good nor bad.",
        "Ask whoever runs the engine that syncs them why it has stopped reporting.",
    ),
    "lost": Explanation(
        "A run ended without a result",
        "The run was cut off before it could report. It is repeated, and nothing is synced twice.",
        "Nothing. The next run comes by itself.",
    ),
    "unrecognised": Explanation(
        "An error that no rule knows yet",
        "It is treated as temporary until somebody has looked at it.",
        "Open the last attempt to read the error. Support can teach the service what it means.",
    ),
    "incident": Explanation(
        "Hit by an incident, with many others",
        "One cause made many people's runs fail at once. It is not held against this person.",
        "Nothing for this person alone. When the incident is over, all who were hit are synced.",
    ),
    "slowed": Explanation(
        "Runs come less often after failures",
        "Runs failed several times in a row, so they are spaced out until one gets through.",
        "Nothing. One good run makes it normal again.",
    ),
    "held": Explanation(
        "Switched off by a person",
        "Somebody decided that this person must not sync now. Errors never switch anybody off.",
        "Switch syncing on again once the reason is gone.",
    ),
}

GONE_RULE = Explanation(
    "An error whose rule is gone", "The rule that said what it means was removed since.", ""
)


def explanation_of(cause: str, rules: Mapping[str, Explanation]) -> Explanation:
    """Return the words for a cause; a rule that is no longer there has none."""
    known = rules.get(cause) or CAUSES.get(cause)
    return known or GONE_RULE


def told_as(cause: str, *, any_here: bool) -> str:
    """Return the cause whose words explain it: silence of another engine is broken there.

    `any_here` tells whether any of the people is synced here and not by another engine.
    """
    return "silent_elsewhere" if cause == "silent" and not any_here else cause


def words_of(rules: RuleSet) -> Mapping[str, Explanation]:
    """Return title, meaning and next step of each rule, by its id."""
    return {rule.id: Explanation(rule.title, rule.meaning, rule.next_step) for rule in rules.rules}
