"""Whom an alert tells of, as its messages count them and the list of people finds them again."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from io import StringIO
from itertools import chain
from typing import Any

from django.db.models.expressions import RawSQL

from monitoring.alerts.kinds import ABOUT_HEALTH
from monitoring.alerts.models import Alert
from monitoring.alerts.stalled import IS_TOLD
from monitoring.health.models import HealthQuerySet

# By the index of the cause, so the people of the organization who do not have it are not read.
TOLD = f"""
    SELECT health.person_id
    FROM health_health AS health JOIN accounts_person AS person ON person.id = health.person_id
    WHERE health.organization_id = %(organization)s AND health.cause = %(cause)s AND {IS_TOLD}
"""  # noqa: S608 - made of constants
NAMED = re.compile(r"%\((\w+)\)s")


def whom_it_tells_of(alert: Alert, people: HealthQuerySet, now: datetime) -> HealthQuerySet:
    """Keep whom an alert about people who need a human tells of now: nobody once it is over.

    Who is silenced is not among them, nor who is told of with an incident.
    """
    if alert.ended_at is not None or alert.kind not in ABOUT_HEALTH:
        return people.none()
    values = {"organization": alert.organization_id, "cause": alert.cause, "now": now}
    return people.filter(pk__in=part_of_query(TOLD, values))


def part_of_query(statement: str, values: Mapping[str, Any]) -> RawSQL:
    """Return a statement with named parameters as a part of a query, which knows them by place."""
    names = NAMED.findall(statement)
    return RawSQL(NAMED.sub("%s", statement), [values[name] for name in names])  # noqa: S611


def teams_joined(teams: Iterable[str]) -> str:
    """Return teams as one value of an address, commas between them; "" is who has none."""
    text = StringIO()
    csv.writer(text).writerow(teams)
    return text.getvalue().removesuffix("\r\n")


def teams_split(text: str) -> list[str]:
    """Return the teams that such a value names."""
    return list(chain.from_iterable(csv.reader(StringIO(text, newline=""))))
