"""Errors a rule is tried on before it is saved: those seen last, and one that somebody has."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import msgspec
from django.db import connection

from accounts.access import Access
from monitoring.errors.facts import ErrorFacts, RawError, extract_facts
from monitoring.errors.interpretation import UNRECOGNISED
from monitoring.errors.masking import masked, masked_name
from monitoring.errors.models import UnrecognisedError
from monitoring.errors.rules import Rule, rule_from
from monitoring.errors.ruleset import RuleSet
from monitoring.outcomes.identifiers import first_id_at

DISTINCT = 50
DAYS, LONGEST_RUN = timedelta(days=30), timedelta(days=1)
# How many people are looked at, of the worst and of those who failed last, and how many runs each.
PEOPLE, RUNS = 200, 20
MAX_SAMPLE = 20_000
SHOWN_SIGNATURES = 5

# People first, by two indexes, and then their last runs: the log has no order but each person's.
LATEST = """
    WITH whom AS MATERIALIZED (
        (SELECT person_id FROM health_health WHERE organization_id = %(organization)s
         ORDER BY severity, unwell_since NULLS LAST, person_id LIMIT %(people)s)
        UNION
        (SELECT person_id FROM health_health
         WHERE organization_id = %(organization)s AND last_signature IS NOT NULL
         ORDER BY last_attempt_at DESC LIMIT %(people)s)
    ), kinds AS (
        SELECT DISTINCT ON (run.signature) run.signature, run.finished_at, run.error
        FROM whom CROSS JOIN LATERAL (
            SELECT signature, finished_at, error FROM outcomes_outcome
            WHERE person_id = whom.person_id AND organization_id = %(organization)s
                AND attempt_id >= %(first)s AND finished_at >= %(since)s
            ORDER BY finished_at DESC LIMIT %(runs)s
        ) AS run
        WHERE run.error IS NOT NULL
        ORDER BY run.signature, run.finished_at DESC
    )
    SELECT signature, error FROM kinds ORDER BY finished_at DESC LIMIT %(kinds)s
"""


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of error that was seen."""

    signature: str
    error: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Hit:
    """An error the rule would hold for, and the title of what judges it now."""

    signature: str
    judged_now: str


@dataclass(frozen=True, slots=True)
class Trial:
    """What a rule would hold for, of `seen` kinds of errors; the first `hits` are told apart."""

    seen: int
    held: int
    hits: list[Hit]


@dataclass(frozen=True, slots=True)
class SampleTrial:
    """Whether a rule would hold for one error, and the title of what judges it otherwise."""

    holds: bool
    judged_now: str


def latest_kinds(access: Access, now: datetime) -> list[Kind]:
    """Return the last distinct errors of the organization, newest first, in one statement.

    Seen are the last runs of its people who are worst off or failed last; its cost has a bound.
    """
    options: dict[str, Any] = {
        "organization": access.organization.pk,
        "people": PEOPLE,
        "runs": RUNS,
        "since": now - DAYS,
        # Lets the database leave out older partitions.
        "first": first_id_at(now - DAYS - LONGEST_RUN),
        "kinds": DISTINCT,
    }
    with connection.cursor() as cursor:
        cursor.execute(LATEST, options)
        return [Kind(signature, loaded(error)) for signature, error in cursor.fetchall()]


def loaded(error: Any) -> Any:
    return msgspec.json.decode(error) if isinstance(error, (str, bytes)) else error


def tried(definition: Mapping[str, Any], kinds: Sequence[Kind], in_force: RuleSet) -> Trial:
    """Return what a rule would hold for if it lay above the rules in force. Pure."""
    rule, laid = laid_above(definition, in_force)
    hits, held = [], 0
    for kind in kinds:
        facts = extract_facts(RawError(**kind.error))
        if laid.match(facts) is rule:
            held += 1
            if held <= SHOWN_SIGNATURES:
                hits.append(Hit(kind.signature, judged(facts, in_force)))
    return Trial(len(kinds), held, hits)


def tried_on(
    definition: Mapping[str, Any], error: Mapping[str, Any], in_force: RuleSet
) -> SampleTrial:
    """Return whether a rule would hold for one error. Pure."""
    rule, laid = laid_above(definition, in_force)
    facts = extract_facts(RawError(**error))
    return SampleTrial(laid.match(facts) is rule, judged(facts, in_force))


def laid_above(definition: Mapping[str, Any], in_force: RuleSet) -> tuple[Rule, RuleSet]:
    """Lay the rule upon those in force. Codes count only together: the innermost known one does."""
    rule = rule_from(definition)
    return rule, in_force.with_rules_above((rule,), version=in_force.version)


def judged(facts: ErrorFacts, rules: RuleSet) -> str:
    return (rules.match(facts) or UNRECOGNISED).title


def pasted(text: str, provider: str, status: int | None) -> dict[str, Any]:
    """Return the raw error that a pasted text is: its answer, as the provider gave it."""
    return {
        "provider": provider,
        "channel": channel_of(text),
        "status": status,
        "headers": {},
        "body": text[:MAX_SAMPLE],
        "operation": "",
    }


def channel_of(text: str) -> str:
    """Return the form in which an answer seems to have come."""
    start = text.lstrip()[:200].lower()
    if start.startswith(('{"error":"', '{"error": "')):
        return "oauth-json"
    if start[:1] in {"{", "["}:
        return "http-json"
    if "envelope" in start and start.startswith("<"):
        return "soap-fault"
    return "html" if start.startswith("<") else "exception-text"


def masked_text(error: Mapping[str, Any]) -> str:
    """Return an error as it may be shown: its facts and its sentence, what is private masked."""
    facts = extract_facts(RawError(**error))
    status = f"HTTP {facts.status}" if facts.status else "no HTTP status"
    head = " · ".join(
        part
        for part in (facts.provider, masked_name(facts.operation), status, facts.channel)
        if part
    )
    codes = [f"code {masked_name('/'.join(level))}" for level in facts.causes]
    return "\n".join([head, *codes, "", masked(facts.message or facts.text)]).strip()


def error_of_inbox(access: Access, number: str | None) -> UnrecognisedError | None:
    """Return the unrecognised error that an address or a form names, if the access may see it."""
    if not number or not number.isascii() or not number.isdigit() or len(number) > 18:
        return None
    return UnrecognisedError.objects.visible_to(access).filter(pk=int(number)).first()
