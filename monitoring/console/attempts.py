"""One attempt in words: when, why then, what came of it, what it did. Pure but for the model."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Any
from uuid import UUID

from monitoring.console.moments import brief
from monitoring.console.rows import Moment, past
from monitoring.console.wording import Look, deeds_sentence
from monitoring.errors.models import Rejudgement
from monitoring.health.causes import CAUSES, GONE_RULE, Explanation, explanation_of
from monitoring.outcomes.models import Outcome, Trigger
from syncing.providers.wire import masked

RESULTS = {
    "success": Look("Synced", "healthy", "success"),
    "partial": Look("Synced in part", "degraded", "warning"),
    "failure": Look("Failed", "stalled", "error"),
    "lost": Look("Lost", "never_connected", "neutral"),
}
# Bodies are cut when they are recorded; a page holds many, so it cuts again.
SHOWN_CHARACTERS = 4_000


@dataclass(frozen=True, slots=True)
class AttemptRow:
    attempt_id: UUID
    finished: Moment | None
    trigger: str
    look: Look
    deeds: str
    problem: str
    raw: str
    judged_again: str = ""


def attempt_row(
    outcome: Outcome,
    rules: Mapping[str, Explanation],
    now: datetime,
    zone: tzinfo,
    again: Rejudgement | None = None,
) -> AttemptRow:
    """Return an attempt with what the newest verdict says; `again` is one given later."""
    rule = outcome.rule if again is None else again.rule
    return AttemptRow(
        attempt_id=outcome.attempt_id,
        finished=past(outcome.finished_at, now, zone),
        trigger=Trigger(outcome.trigger).label,
        look=RESULTS[outcome.result],
        deeds=deeds_sentence(outcome.counts),
        problem=problem_by(rule, outcome, rules),
        raw=raw_text(outcome.error, gone_rule(rule, rules)),
        judged_again=judged_again(again, outcome, rules, now, zone),
    )


def judged_again(
    again: Rejudgement | None,
    outcome: Outcome,
    rules: Mapping[str, Explanation],
    now: datetime,
    zone: tzinfo,
) -> str:
    """Return when an attempt was judged again and what was said of it at first; empty if not."""
    if again is None:
        return ""
    return f"Judged again at {brief(again.at, now, zone)}, before: {problem_of(outcome, rules)}"


def problem_of(outcome: Outcome, rules: Mapping[str, Explanation]) -> str:
    """Return what was wrong, in plain words; empty for a run without an error."""
    return problem_by(outcome.rule, outcome, rules)


def problem_by(rule: str | None, outcome: Outcome, rules: Mapping[str, Explanation]) -> str:
    """Return what was wrong with a run by what that rule says; None where no rule knows it."""
    if outcome.result == "lost":
        return CAUSES["lost"].title
    if outcome.error is None and not rule:
        return "" if outcome.result == "success" else "No reason was reported"
    return explanation_of(rule or "unrecognised", rules).title


def gone_rule(rule: str | None, rules: Mapping[str, Explanation]) -> str:
    """Return the id of a rule that once recognised an error and is there no more, if so."""
    return rule if rule and explanation_of(rule, rules) is GONE_RULE else ""


def raw_text(error: Mapping[str, Any] | None, gone: str = "") -> str:
    """Return an error as it came over the wire, without tokens, for who wants to read that.

    `gone` is the id of a rule that is there no more.
    """
    if not error:
        return ""
    facts = [*error_facts(error), f"rule {gone}" if gone else ""]
    head = masked(" · ".join(part for part in facts if part))
    # Masked before it is cut: half a token is not known for one.
    body = masked(laid_out(str(error.get("body") or "")))
    if len(body) > SHOWN_CHARACTERS:
        body = f"{body[:SHOWN_CHARACTERS]}\n(cut here)"
    return f"{head}\n\n{body}".strip()


def error_facts(error: Mapping[str, Any]) -> list[str]:
    status = error.get("status")
    return [
        str(error.get("provider") or ""),
        str(error.get("operation") or ""),
        f"HTTP {status}" if status else "no HTTP status",
        str(error.get("channel") or ""),
    ]


def laid_out(body: str) -> str:
    """Return JSON with line breaks, anything else as it is."""
    try:
        return json.dumps(json.loads(body), indent=2, ensure_ascii=False)
    except (ValueError, RecursionError):
        return body
