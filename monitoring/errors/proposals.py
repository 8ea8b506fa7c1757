"""What may be proposed as a change of a rule, and what is said where it may not. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from monitoring.errors.rules import MAX_SLUG, SLUG, RulesError, rule_from

MAX_REASON = 1_000
MAX_DEFINITION = 20_000


class RuleChangeRefusedError(Exception):
    """A change that can't be made or go live; the message is a sentence for the admin."""


def checked(rule: str, definition: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Return the definition to be stored. Raises RuleChangeRefusedError with what is wrong.

    An id has two words at least, for those of one word are causes that are no rules.
    """
    if not SLUG.fullmatch(rule) or "-" not in rule or len(rule) > MAX_SLUG:
        raise RuleChangeRefusedError(
            "The id must be two or more words of a-z and 0-9 joined by hyphens, "
            f"{MAX_SLUG} characters at most."
        )
    if definition is None:
        return None
    given = dict(definition) | {"id": rule}
    if definition.get("id", rule) != rule:
        raise RuleChangeRefusedError("The id of a rule never changes; propose a new rule instead.")
    try:
        rule_from(given)
        written = msgspec.json.encode(given)
    except RulesError as error:
        raise RuleChangeRefusedError(sentence_of(error)) from error
    except UnicodeEncodeError:
        raise RuleChangeRefusedError("The rule holds half a character.") from None
    if b"\\u0000" in written:
        raise RuleChangeRefusedError("The rule holds a NUL character.")
    if len(written) > MAX_DEFINITION:
        raise RuleChangeRefusedError(
            f"The rule has {len(written):,} characters; {MAX_DEFINITION:,} are allowed."
        )
    return given


def sentence_of(error: RulesError) -> str:
    """Return the error as a sentence, without the rule's id, which the reader knows."""
    text = str(error)
    if text.startswith("rule "):
        text = text.partition(": ")[2] or text
    return f"{text[:1].upper()}{text[1:].rstrip('.')}."


def checked_reason(reason: str) -> str:
    """Return the reason as it is stored. Raises RuleChangeRefusedError where none is given."""
    reason = reason.replace("\x00", "").encode("utf-8", "replace").decode().strip()
    if not reason:
        raise RuleChangeRefusedError("Say why the rule changes; others will want to know.")
    if len(reason) > MAX_REASON:
        raise RuleChangeRefusedError(
            f"The reason has {len(reason):,} characters; {MAX_REASON:,} are allowed."
        )
    return reason
