"""Looking once more, when its turn has come, whether there still is something to do to somebody."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime

from django.db.models import Case, CharField, Value, When

from monitoring.actions.deeds import Deed, Result
from monitoring.actions.models import Action, PersonState
from monitoring.health.models import Health


def left_out_code(deed: Deed, parameters: Mapping[str, object], now: datetime) -> Case:
    """Return the expression, for a query of Health, of why somebody is left out; "" if not."""
    cases = [
        When(condition, then=Value(code)) for code, condition in deed.left_out(parameters, now)
    ]
    return Case(*cases, default=Value(""), output_field=CharField())


def left_out_now(
    deed: Deed, action: Action, person_ids: Collection[int], now: datetime
) -> dict[int, str]:
    """Return why people are to be left out now, by id, of those who are."""
    people = Health.objects.filter(person_id__in=person_ids)
    told = people.annotate(why=left_out_code(deed, action.parameters, now)).exclude(why="")
    return dict(told.values_list("person_id", "why"))


def skipped(codes: Mapping[int, str]) -> dict[int, Result]:
    return {person: Result(PersonState.SKIPPED, code) for person, code in codes.items()}
