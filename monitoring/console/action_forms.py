"""The forms in which an admin says how an action is meant, one for each kind.

They hold what was typed and turn it into the strings a deed cleans; whether these make sense is the
deed's to say (`monitoring.actions.deeds`), and its sentences come back beside the fields.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from django import forms

from monitoring.actions.incidents import name_of
from monitoring.actions.models import Kind
from monitoring.actions.notes import note_owners
from monitoring.console.moments import HOUR, duration
from monitoring.console.rule_form import text
from monitoring.health.models import Policy

if TYPE_CHECKING:
    from collections.abc import Mapping

    from accounts.access import Access

MAX_REASON, MAX_NOTE, MAX_MESSAGE = 500, 2_000, 1_000
# More members are not offered; a note may be for nobody.
OWNERS = 200
MOMENT = "%Y-%m-%dT%H:%M"
AT = "at"
SPANS = {"8": "For 8 hours", "24": "For 24 hours", "168": "For 7 days"}
INTERVALS = (HOUR, 2 * HOUR, 4 * HOUR, 8 * HOUR, 24 * HOUR)
METHODS = (
    ("", "The best way for each: the organization's access, else a link"),
    ("organization", "Only by the organization's access, without troubling anybody"),
    ("link", "Only by a link sent to each person"),
)
CHOOSE = "Choose among those listed."
NO_TIME = "Say until when."
TWO_ENDS = "Choose “Until a time I choose” with it, or leave the time empty."


def choice(choices: Any) -> forms.ChoiceField:
    messages = {"invalid_choice": CHOOSE}
    return forms.ChoiceField(choices=choices, required=False, error_messages=messages)


class ActionForm(forms.Form):
    """What every kind shares: the parameters are its fields, and a reason is always welcome."""

    kind: Kind
    needs_reason = False

    def __init__(self, data: Any = None, *, access: Access, now: datetime, **options: Any) -> None:
        super().__init__(data, **options)
        self.access, self.now = access, now
        self.add_fields()
        if "reason" not in self.fields and self.kind != Kind.NOTE:
            self.fields["reason"] = text(MAX_REASON)

    def add_fields(self) -> None:
        """Add the fields of this kind."""

    @property
    def given(self) -> dict[str, str]:
        """What the deed is given, once the form is valid."""
        return {name: str(value or "") for name, value in self.cleaned_data.items()}

    def refuse(self, sentence: str, field: str) -> None:
        """Say what the deed refused, beside its field."""
        self.add_error(field if field in self.fields else None, sentence)


class UntilForm(ActionForm):
    """A form with an end: one of a few spans, or a time of the member's own zone."""

    endless = ""

    def add_fields(self) -> None:
        ends = ([("", self.endless)] if self.endless else []) + list(SPANS.items())
        self.fields["ends"] = choice([*ends, (AT, "Until a time I choose")])
        self.fields["until"] = text(40)

    @property
    def ends_value(self) -> str:
        """Which of the choices is on; a time that is given alone chooses itself."""
        if self.is_bound and "ends" not in self.data and self["until"].value():
            return AT
        return str(self["ends"].value() or ("" if self.endless else "24"))

    def clean(self) -> dict[str, Any]:
        ends, until = self.ends_value, self.cleaned_data.get("until", "")
        if until and ends != AT:
            # Which of the two was meant is not for us to guess.
            self.add_error("until", TWO_ENDS)
        elif ends in SPANS:
            end = self.now + timedelta(hours=int(ends))
            until = f"{end.astimezone(self.access.time_zone):{MOMENT}}"
        elif not ends:
            until = ""
        elif not until and "until" not in self.errors:
            self.add_error("until", NO_TIME)
        self.cleaned_data["until"] = until
        return self.cleaned_data

    @property
    def given(self) -> dict[str, str]:
        return {name: value for name, value in super().given.items() if name != "ends"}


class SyncForm(ActionForm):
    kind = Kind.SYNC


class ReleaseForm(ActionForm):
    kind = Kind.RELEASE
    needs_reason = True


class HoldForm(UntilForm):
    kind = Kind.HOLD
    needs_reason = True
    endless = "Until somebody releases them"


class SilenceForm(UntilForm):
    kind = Kind.SILENCE
    needs_reason = True


class IntervalForm(ActionForm):
    kind = Kind.INTERVAL
    needs_reason = True

    def add_fields(self) -> None:
        policy = Policy.objects.filter(organization=self.access.organization)
        base = policy.values_list("base_interval", flat=True).first()
        usual = duration(base or Policy._meta.get_field("base_interval").default)
        every = [(str(seconds), f"Every {duration(seconds)}") for seconds in INTERVALS]
        self.fields["interval"] = choice([*every, ("", f"The organization's, every {usual}")])

    @property
    def interval_value(self) -> str:
        value = self["interval"].value()
        return str(4 * HOUR if value is None else value)


class NoteForm(ActionForm):
    kind = Kind.NOTE

    def add_fields(self) -> None:
        self.fields["text"] = text(MAX_NOTE)
        self.fields["owner"] = choice([("", "Nobody"), *members_of(self.access)])
        self.fields["due_on"] = text(10)


class ReauthorizeForm(ActionForm):
    kind = Kind.REAUTHORIZE

    def add_fields(self) -> None:
        self.fields["method"] = choice(METHODS)
        self.fields["message"] = text(MAX_MESSAGE)

    @property
    def method_value(self) -> str:
        return str(self["method"].value() or "")


FORMS: Mapping[Kind, type[ActionForm]] = {
    form.kind: form
    for form in (
        SyncForm,
        ReauthorizeForm,
        HoldForm,
        ReleaseForm,
        IntervalForm,
        SilenceForm,
        NoteForm,
    )
}


def form_of(kind: str) -> type[ActionForm] | None:
    """Return the form of a kind; None for one that nobody starts from a form."""
    return FORMS.get(Kind(kind)) if kind in Kind.values else None


def members_of(access: Access) -> list[tuple[str, str]]:
    """Return who can be given something to do, by name, for the forms of a note."""
    members = note_owners(access).select_related("user").order_by("pk")[:OWNERS]
    named = {each.user_id: name_of(each.user) for each in members}
    # Support staff belong to no organization, and may take something on all the same.
    named.setdefault(access.user.pk, name_of(access.user))
    return sorted(((str(key), name) for key, name in named.items()), key=by_name)


def by_name(choice: tuple[str, str]) -> str:
    return choice[1].lower()
