"""Makers of silences and messages for tests."""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta
from typing import Any

from accounts.models import Organization, Person
from monitoring.alerts.models import Silence
from monitoring.alerts.silences import silence_place
from tests.factories import NOW, make_user


def make_silence(
    organization: Organization, people: Collection[Person], **overrides: Any
) -> Silence:
    """Mute people from now on for a day, unless told otherwise."""
    author = overrides.pop("author", None) or make_user()
    fields = {
        "author_name": author.email,
        "reason": "The whole team is at a fair.",
        "ends_at": NOW + timedelta(days=1),
        "now": NOW,
    }
    ids = [person.pk for person in people]
    return silence_place(
        **{"organization": organization, "author": author, "people": ids} | fields | overrides
    )
