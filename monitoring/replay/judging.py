"""From an outcome and its error to what the fold takes in. Pure."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from monitoring.errors.facts import RawError
from monitoring.errors.interpretation import Interpreter
from monitoring.health.fold import JudgedOutcome, signature_of


def judged(
    attempt_id: UUID,
    finished_at: datetime,
    result: str,
    error: RawError | None,
    interpreter: Interpreter,
) -> JudgedOutcome:
    """Return an outcome with the verdict on its error, as the service's intake marks it."""
    if error is None:
        signature = signature_of(result, None)
        return JudgedOutcome(attempt_id, finished_at, result, signature=signature)
    verdict = interpreter.interpret(error)
    return JudgedOutcome(
        attempt_id,
        finished_at,
        result,
        verdict.interpretation,
        verdict.rule_id,
        verdict.rules_version,
        verdict.retry_after,
        signature_of(result, verdict.signature, verdict.interpretation),
    )
