"""What the console says of rules: their classes, who acts, and their conditions. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from monitoring.errors.rules import Interpretation, Who

CLASSES = {
    Interpretation.TRANSIENT: "Passes by itself",
    Interpretation.NEEDS_USER: "The person must act",
    Interpretation.NEEDS_ADMIN: "An admin must act",
    Interpretation.RECORD: "One event only",
    Interpretation.CLIENT_BUG: "Our request is wrong",
    Interpretation.UNKNOWN: "Not clear what is wrong",
}
CLASS_HINTS = {
    Interpretation.TRANSIENT: "The sync tries again. Nobody has to do anything.",
    Interpretation.NEEDS_USER: "Only where the error says so itself, once a second run agrees.",
    Interpretation.NEEDS_ADMIN: "Only where the error says so itself, once a second run agrees.",
    Interpretation.RECORD: "One calendar event is left out; all others are synced.",
    Interpretation.CLIENT_BUG: "A mistake or a setting of this service.",
    Interpretation.UNKNOWN: "A catch-all of the provider; it counts as temporary.",
}
WHO = {
    Who.PERSON: "The person",
    Who.ADMIN: "An admin",
    Who.OPERATOR: "The operator",
    Who.NOBODY: "Nobody",
}
PROVIDERS = {"google": "Google", "salesforce": "Salesforce", "network": "The network"}
CHANNELS = {
    "http-json": "a JSON answer",
    "oauth-json": "an answer to a sign-in",
    "soap-fault": "a SOAP fault",
    "html": "a web page",
    "exception-text": "the text of an exception",
}
# In the order in which people read them; also that of a rule as it is written.
CONDITIONS = (
    "channels",
    "statuses",
    "codes",
    "subcodes",
    "says",
    "patterns",
    "operations",
    "whole",
)


def class_words(name: str) -> str:
    """Return a class in plain words; a name that is none, as it is."""
    return CLASSES[Interpretation(name)] if name in list(Interpretation) else name


def who_words(name: str) -> str:
    return WHO[Who(name)] if name in list(Who) else name


def providers_words(providers: Iterable[str]) -> str:
    """Return whose errors a rule is for, in a fixed order; any for none in particular."""
    named = [words for provider, words in PROVIDERS.items() if provider in set(providers)]
    return listed(named, "and") if named else "Any"


def condition_sets(definition: Mapping[str, Any]) -> list[list[str]]:
    """Return each set of a rule's conditions as parts of "an error that …"; any set is enough."""
    sets = [definition, *definition.get("also", [])]
    return [said for conditions in sets if (said := conditions_words(conditions))]


def conditions_words(conditions: Mapping[str, Any]) -> list[str]:
    """Return one set of conditions in words, all of which must hold."""
    said = []
    for name in CONDITIONS:
        values = conditions.get(name)
        if values:
            said.append(condition_words(name, values))
    return said


def condition_words(name: str, values: Any) -> str:
    """Return one condition in words; for a list any one of its values is enough."""
    if name == "whole":
        return "was read to its end"
    texts = [str(value) for value in values]
    if name == "channels":
        return f"comes as {listed([CHANNELS.get(text, text) for text in texts])}"
    if name == "statuses":
        return f"has HTTP status {listed([status_words(text) for text in texts])}"
    if name in {"codes", "subcodes"}:
        noun = "code" if name == "codes" else "second code"
        return f"has the {noun} {listed(texts)}"
    if name == "says":
        return f"says {listed([phrase_words(text) for text in texts])}"
    if name == "patterns":
        return f"matches the pattern{plural(texts)} {listed(texts)}"
    return f"comes from an operation that begins with {listed(texts)}"


def phrase_words(phrase: str) -> str:
    """Return a phrase in quotes, with dots where any words may stand between."""
    return f"“{phrase.replace(' * ', ' … ')}”"


def plural(values: Sequence[str]) -> str:
    return "" if len(values) == 1 else "s"


def status_words(status: str) -> str:
    """Return a status as it is said: 403, or "400 to 499" for the class "4xx"."""
    return f"{status[0]}00 to {status[0]}99" if status.endswith("xx") else status


def listed(words: Sequence[str], joint: str = "or") -> str:
    """Return words as a sentence lists them: "a, b or c"."""
    if len(words) < 2:
        return "".join(words)
    return f"{', '.join(words[:-1])} {joint} {words[-1]}"
