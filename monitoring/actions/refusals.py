"""Why a provider did not give an access, in words an admin can act on. Pure.

What an error means is told by the built-in rules, as everywhere; here it is said where to mend it,
and what an error means that came when the organization's own app asked (`minted`), which is often
something else than for a person's consent. The places and their sources are in `refusal_places`.
"""

from __future__ import annotations

from dataclasses import dataclass

from monitoring.actions.refusal_places import CASES, PLACES, WHERE_TOLD, Case
from monitoring.errors.facts import ErrorFacts, RawError, extract_facts
from monitoring.errors.interpretation import Interpretation, Verdict, built_in_rules, interpret

TEMPORARY = frozenset({Interpretation.TRANSIENT, Interpretation.UNKNOWN})
NAMES = {"google": "Google", "salesforce": "Salesforce"}
STEP = " › "  # noqa: RUF001 - as the vendors' own help writes a path
MINUTE = 60
LONGEST = 500


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why there is no access, and what to do.

    `place` is where in the provider's own console, "" where there is none to go to. `temporary`
    means that the same try may do later; nobody is to blame for it. `code` names the case.
    """

    code: str
    title: str
    meaning: str
    place: str
    next_step: str
    temporary: bool

    @property
    def sentence(self) -> str:
        """What it is and where to mend it, short enough to be kept as a result."""
        words = f"{self.title}. {self.place or self.next_step}"
        return words if len(words) <= LONGEST else words[: LONGEST - 1] + "…"


def refusal_of(provider: str, error: RawError, *, minted: bool = False) -> Refusal:
    """Explain what a provider answered, or that it did not, when it was asked for an access.

    `minted` where the organization's app asked, and not a person's consent. Total.
    """
    facts = extract_facts(error)
    verdict = interpret(facts, built_in_rules())
    if verdict.interpretation is not Interpretation.TRANSIENT:
        for case in CASES:
            if holds(case, provider, facts, verdict, minted):
                return Refusal(
                    case.code,
                    case.title,
                    case.meaning,
                    shown(case.place),
                    case.next_step,
                    temporary=case.temporary,
                )
    if verdict.interpretation in TEMPORARY:
        return temporary(provider, facts, verdict)
    rule = verdict.rule_id or ""
    place = shown(PLACES.get(rule, ""))
    return Refusal(rule, verdict.title, verdict.meaning, place, verdict.next_step, temporary=False)


def holds(case: Case, provider: str, facts: ErrorFacts, verdict: Verdict, minted: bool) -> bool:
    return (
        case.provider in ("", provider)
        and case.minted in (None, minted)
        and (not case.rules or verdict.rule_id in case.rules)
        and (not case.says or any(words in facts.text for words in case.says))
    )


def shown(path: str) -> str:
    return path.replace(" > ", STEP)


def temporary(provider: str, facts: ErrorFacts, verdict: Verdict) -> Refusal:
    """Explain what may pass by itself: trouble of the provider's, or a no without a reason."""
    name = NAMES.get(provider, "The provider")
    if verdict.interpretation is Interpretation.TRANSIENT:
        return Refusal(
            code=verdict.rule_id or "temporary",
            title=f"{name} could not be asked just now: {lowered(verdict.title)}",
            meaning=f"{verdict.meaning} That is temporary, and nobody's access was refused.",
            place="",
            next_step=f"Try again {later(facts.retry_after)}.",
            temporary=True,
        )
    return Refusal(
        code="not_recognised",
        title=f"{name} did not give access, and it is not clear why",
        meaning="The answer names no reason that is known here. It counts as temporary.",
        place=shown(WHERE_TOLD.get(provider, "")),
        next_step="Try again in a few minutes. If it stays, look up what the provider noted.",
        temporary=True,
    )


def lowered(title: str) -> str:
    """Return a title to stand after a colon; names keep their capital."""
    first = title.partition(" ")[0]
    keeps = first in {*NAMES.values(), "A"} or not first[1:].islower()
    return title if keeps and first != "A" else title[:1].lower() + title[1:]


def later(seconds: int | None) -> str:
    if not seconds:
        return "in a few minutes"
    minutes = -(-seconds // MINUTE)
    return "in a minute" if minutes <= 1 else f"in {minutes:,} minutes"
