"""The form a rule is written with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms
from django.utils.text import slugify

from monitoring.console.rule_layers import OPERATOR, OWN
from monitoring.console.rule_words import CHANNELS, CLASSES, PROVIDERS, WHO
from monitoring.console.rule_writing import FIELDS, TEXTS, definition_of, problems_of, size_problem
from monitoring.errors.proposals import MAX_REASON, sentence_of
from monitoring.errors.rules import MAX_SLUG, RulesError

MAX_TITLE, MAX_SENTENCE, MAX_LIST = 150, 1_000, 10_000
MISSING = {
    "title": "Give the rule a title that says what is wrong.",
    "meaning": "Say what the error means to somebody whose calendar is not synced.",
    "next_step": "Say what to do, or that there is nothing to do.",
    "class": "Choose what kind of error it is.",
    "who": "Choose who can take the next step.",
    "reason": "Say why the rule changes; others will want to know.",
}
BAD_ID = (
    "Two or more words of a-z and 0-9 joined by hyphens, such as google-calendar-moved, "
    f"{MAX_SLUG} characters at most."
)


def text(length: int, *, strip: bool = True, required: str = "") -> forms.CharField:
    messages = {"required": required, "max_length": f"At most {length:,} characters."}
    return forms.CharField(
        required=bool(required), max_length=length, strip=strip, error_messages=messages
    )


def choice(name: str, choices: Mapping[Any, str]) -> forms.ChoiceField:
    return forms.ChoiceField(
        choices=[(str(value), words) for value, words in choices.items()],
        error_messages={"required": MISSING[name], "invalid_choice": MISSING[name]},
    )


def several(choices: Mapping[str, str]) -> forms.MultipleChoiceField:
    return forms.MultipleChoiceField(
        required=False,
        choices=list(choices.items()),
        error_messages={"invalid_choice": "Choose among those listed."},
    )


class RuleForm(forms.Form):
    """A rule's fields, its reason, and who it is for; what was typed stays where it is refused.

    `taken` are ids that a new rule can't have; None is for a rule whose id is given.
    """

    def __init__(
        self, *arguments: Any, staff: bool, taken: set[str] | None = None, **options: Any
    ) -> None:
        super().__init__(*arguments, **options)
        self.taken = taken
        self.fields |= {
            "title": text(MAX_TITLE, required=MISSING["title"]),
            "meaning": text(MAX_SENTENCE, required=MISSING["meaning"]),
            "next_step": text(MAX_SENTENCE, required=MISSING["next_step"]),
            "class": choice("class", CLASSES),
            "who": choice("who", WHO),
            "providers": several(PROVIDERS),
            "channels": several(CHANNELS),
            "statuses": text(MAX_LIST),
            "codes": text(MAX_LIST),
            "subcodes": text(MAX_LIST),
            "operations": text(MAX_LIST),
            "says": text(MAX_LIST, strip=False),
            "patterns": text(MAX_LIST, strip=False),
            "whole": forms.BooleanField(required=False),
            "also": text(MAX_LIST, strip=False),
            "reason": text(MAX_REASON, required=MISSING["reason"]),
        }
        if staff:
            levels = [(OWN, ""), (OPERATOR, "")]
            self.fields["level"] = forms.ChoiceField(choices=levels, required=False)
        if taken is not None:
            self.fields["rule"] = text(MAX_SLUG)

    @property
    def level_value(self) -> str:
        """The level that is chosen on the page."""
        return str(self["level"].value() or OWN) if "level" in self.fields else OWN

    @property
    def level(self) -> str:
        return self.cleaned_data.get("level") or OWN

    @property
    def definition(self) -> dict[str, Any]:
        """The rule as it was written, once the form is valid."""
        found: dict[str, Any] = self.cleaned_data["definition"]
        return found

    @property
    def rule(self) -> str:
        """The id of a new rule, once the form is valid."""
        found: str = self.cleaned_data["rule"]
        return found

    def conditions(self) -> tuple[dict[str, Any], str]:
        """Return a bound form's fields, what conditions need cleaned, and what is wrong first.

        Nothing is asked of the sentences, which may still be missing.
        """
        given = {name: self[name].value() or empty(name) for name in FIELDS}
        if too_long := size_problem(given):
            return given, too_long
        for name in (name for name in FIELDS if name not in TEXTS):
            try:
                given[name] = self.fields[name].clean(given[name])
            except forms.ValidationError as error:
                return given, str(error.messages[0])
        return given, ""

    def clean(self) -> dict[str, Any]:
        given = {name: self.cleaned_data.get(name, empty(name)) for name in FIELDS}
        if too_long := size_problem(given):
            self.add_error(None, too_long)
            return self.cleaned_data
        try:
            definition = definition_of(given)
        except RulesError as error:
            self.add_error("also", sentence_of(error))
            return self.cleaned_data
        for field, sentence in problems_of(definition).items():
            # One that is wrong already says so, and then the whole may lack just that.
            if field not in self.errors and (field or not self.errors):
                self.add_error(field or None, sentence)
        self.cleaned_data["definition"] = definition
        if self.taken is not None and not self.errors.keys() & {"rule", "title"}:
            self.clean_rule_of(definition)
        return self.cleaned_data

    def clean_rule_of(self, definition: Mapping[str, Any]) -> None:
        """Make an id from the title where none is given, and refuse one that is not free."""
        taken = self.taken or set()
        given = self.cleaned_data.get("rule", "")
        rule = given or id_from(definition, taken)
        if "-" not in rule or slugify(rule) != rule or "_" in rule or "--" in rule:
            self.add_error("rule", BAD_ID)
        elif rule in taken:
            self.add_error("rule", "There is a rule with this id already; edit that one instead.")
        else:
            self.cleaned_data["rule"] = rule


def empty(name: str) -> Any:
    return [] if name in {"providers", "channels"} else False if name == "whole" else ""


def id_from(definition: Mapping[str, Any], taken: set[str]) -> str:
    """Return a free id in the words of a rule's title, with its provider before them."""
    providers = definition.get("providers", [])
    words = [providers[0]] if len(providers) == 1 else []
    words += slugify(definition["title"]).replace("_", "-").split("-")[:7]
    stem = "-".join(word for word in [*words, "" if len(words) > 1 else "rule"] if word)
    stem = stem[: MAX_SLUG - 4].strip("-") or "own-rule"
    free = (stem, *(f"{stem}-{number}" for number in range(2, len(taken) + 3)))
    return next(each for each in free if each not in taken)
