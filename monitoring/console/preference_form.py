"""The form of how somebody wants to be told: their own, and an admin's for who has no login."""

from __future__ import annotations

from typing import Any

from django import forms

from monitoring.alerts.models import Digest
from monitoring.alerts.preferences import DAYS, Preferences
from monitoring.console import route_words as words

CLOCK = {"invalid": "Write a time such as 22:00."}


class PreferenceForm(forms.Form):
    """Quiet hours, working days, and the digest."""

    quiet_from = forms.TimeField(required=False, error_messages=CLOCK)
    quiet_until = forms.TimeField(required=False, error_messages=CLOCK)
    working_days = forms.MultipleChoiceField(
        required=False, choices=list(zip(DAYS, words.DAYS, strict=True))
    )
    urgent_always = forms.BooleanField(required=False)
    digest = forms.ChoiceField(choices=Digest.choices)
    digest_hour = forms.TypedChoiceField(
        coerce=int, choices=[(str(hour), f"{hour:02}:00") for hour in range(24)]
    )

    def wanted(self) -> Preferences:
        given = self.cleaned_data
        return Preferences(
            quiet_from=given["quiet_from"],
            quiet_until=given["quiet_until"],
            working_days="".join(sorted(given["working_days"])),
            urgent_always=given["urgent_always"],
            digest=given["digest"],
            digest_hour=given["digest_hour"],
        )


def typed(preferences: Preferences) -> dict[str, Any]:
    """Return preferences as the form shows them."""
    quiet_from, quiet_until = preferences.quiet_from, preferences.quiet_until
    return {
        "quiet_from": f"{quiet_from:%H:%M}" if quiet_from else "",
        "quiet_until": f"{quiet_until:%H:%M}" if quiet_until else "",
        "working_days": list(preferences.working_days),
        "urgent_always": preferences.urgent_always,
        "digest": preferences.digest,
        "digest_hour": str(preferences.digest_hour),
    }
