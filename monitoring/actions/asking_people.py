"""Asking people by ourselves to give access again, where the organization wants it.

Only who alone can act is asked: stalled for a confirmed cause whose rule says so, with access that
the organization's own apps can't get. Never during an incident (design, rule 5), once an episode,
in their daytime, a few a tick; what then becomes of the letter is that of any invitation.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from itertools import zip_longest

from django.db import connection, transaction
from django.db.models import Exists, OuterRef, Q, QuerySet

from accounts.access import zone_of
from accounts.models import Organization, Person
from monitoring.actions.access_conditions import (
    abilities,
    credentials_of,
    held_back,
    is_invited,
    needs_any,
)
from monitoring.actions.invitations import (
    AlreadyInvitedError,
    by_ourselves,
    invitation_make,
)
from monitoring.actions.models import Invitation
from monitoring.actions.reauthorization import Method, asked_for, ordered
from monitoring.actions.reauthorizing import needs_of
from monitoring.alerts.hours import Hours, is_awake
from monitoring.alerts.models import AlertPolicy
from monitoring.alerts.muting import SILENCED, organizations_with_silences
from monitoring.errors.rulebook import rule_sets_of
from monitoring.errors.rules import Interpretation, Who
from monitoring.errors.ruleset import RuleSet
from monitoring.health.models import Health, HealthTally, Status
from monitoring.jobs.outage import DATABASE_ERRORS, is_away

logger = logging.getLogger(__name__)

# So many letters a tick, of all organizations together.
AT_ONCE = 50
# When somebody who did nothing wrong may be asked to do something.
FROM, UNTIL = time(8), time(18)
WORKING_DAYS = frozenset(range(1, 6))
# So long somebody is passed over to whom no letter could be written, lest they keep others waiting.
PASSED_OVER = timedelta(hours=1)

# Until when, by person; of this process alone, so that the next one tries again.
_passed_over: dict[int, datetime] = {}


@dataclass(frozen=True, slots=True)
class Asker:
    """An organization that has people asked, what for, and for which causes.

    acts   the providers at which its own apps get access, so that nobody is asked for them
    """

    organization: Organization
    causes: tuple[str, ...]
    asks: frozenset[str]
    acts: frozenset[str]
    waits: timedelta


def is_daytime(zone: str, now: datetime) -> bool:
    """Tell whether it is a working day's daytime in a zone. Pure."""
    return is_awake(Hours(zone_of(zone), UNTIL, FROM, WORKING_DAYS), now)


def causes_of_people(causes: Iterable[str], rules: RuleSet) -> tuple[str, ...]:
    """Return those of the causes that only the person can do something about. Pure."""
    theirs = {
        rule.id
        for rule in rules.rules
        if rule.who is Who.PERSON and rule.interpretation is Interpretation.NEEDS_USER
    }
    return tuple(sorted(theirs.intersection(causes)))


def people_ask_step(now: datetime) -> None:
    """Do so as a step of the tick."""
    people_ask(now=now)


def people_ask(*, now: datetime, limit: int = AT_ONCE) -> int:
    """Ask up to `limit` people who are due to be asked; return how many.

    Organizations take turns, however many people of one wait; in each, who waits longest is first.
    Whoever can't be written to keeps nobody else waiting.
    """
    wanted = [[(asker, person) for person in due_people(asker, now, limit)] for asker in askers()]
    turns = [each for turn in zip_longest(*wanted) for each in turn if each is not None]
    return sum(is_asked(asker, person, now) for asker, person in turns[:limit])


def is_asked(asker: Asker, person: Person, now: datetime) -> bool:
    """Ask a person; return False too where that failed, and pass them over for a while."""
    try:
        return person_ask(asker=asker, person=person, now=now)
    except Exception as error:
        if isinstance(error, DATABASE_ERRORS) and is_away(error):
            raise
        logger.exception("person %s could not be asked to give access again", person.pk)
        _passed_over[person.pk] = now + PASSED_OVER
        return False


@transaction.atomic
def person_ask(*, asker: Asker, person: Person, now: datetime) -> bool:
    """Ask a person, in the organization's name; return False for who was asked meanwhile."""
    providers = ordered(needs_of(person) & asker.asks)
    if not providers:
        return False
    try:
        invitation_make(
            organization=asker.organization,
            person=person,
            providers=providers,
            asked_by=None,
            asked_by_name=asker.organization.name,
            action=None,
            now=now,
        )
    except AlreadyInvitedError:
        return False
    return True


def askers() -> list[Asker]:
    """Return the organizations that want it and have somebody to ask, by id."""
    wanting = AlertPolicy.objects.filter(asks_people=True).select_related("organization")
    policies = {policy.organization_id: policy for policy in wanting}
    causes: defaultdict[int, set[str]] = defaultdict(set)
    stalled = HealthTally.objects.filter(status=Status.STALLED, organization__in=policies)
    for organization, cause in stalled.values_list("organization_id", "cause").distinct():
        causes[organization].add(cause)
    sets = rule_sets_of(causes)
    found = [
        asker_of(policies[pk], causes_of_people(causes[pk], sets[pk])) for pk in sorted(causes)
    ]
    return [asker for asker in found if asker.causes and asker.asks]


def asker_of(policy: AlertPolicy, causes: tuple[str, ...]) -> Asker:
    acts, asks = abilities(credentials_of(policy.organization)) if causes else ((), ())
    return Asker(
        organization=policy.organization,
        causes=causes,
        asks=asked_for(Method.BEST, frozenset(acts), frozenset(asks)),
        acts=frozenset(acts),
        waits=timedelta(seconds=policy.opened),
    )


def due_people(asker: Asker, now: datetime, limit: int) -> list[Person]:
    """Return who is to be asked now, at most so many."""
    stalled = stalled_people(asker, now)
    zones = stalled.order_by().values_list("person__time_zone", flat=True).distinct()
    awake = [zone for zone in zones if is_daytime(zone, now)]
    if not awake:
        return []
    due = to_ask(stalled.filter(person__time_zone__in=awake), asker)
    due = due.exclude(person__in={*silenced_of(asker.organization.pk, now), *passed_over(now)})
    first = due.select_related("person").order_by("status_since", "person_id")[:limit]
    return [health.person for health in first]


def passed_over(now: datetime) -> set[int]:
    return {person for person, until in _passed_over.items() if until > now}


def stalled_people(asker: Asker, now: datetime) -> QuerySet[Health]:
    """Return whose cause is confirmed, and has lasted as long as an alert waits."""
    return Health.objects.filter(
        organization=asker.organization,
        status=Status.STALLED,
        cause__in=asker.causes,
        confirmed_at__isnull=False,
        status_since__lte=now - asker.waits,
        in_incident=False,
    )


def to_ask(stalled: QuerySet[Health], asker: Asker) -> QuerySet[Health]:
    """Keep who alone can act, is in no incident, and was not asked since the episode began."""
    asked = Invitation.objects.filter(
        person=OuterRef("person_id"), created_at__gte=OuterRef("status_since")
    )
    alone = stalled.filter(needs_any(asker.asks)).exclude(needs_any(asker.acts))
    return alone.exclude(Q(Exists(asked)) | is_invited()).exclude(held_back(asker.asks))


def silenced_of(organization_id: int, now: datetime) -> Collection[int]:
    if organization_id not in organizations_with_silences(now):
        return ()
    with connection.cursor() as cursor:
        cursor.execute(SILENCED, {"organizations": [organization_id], "now": now})
        return {person for (person,) in cursor.fetchall()}


def asked_about(organization_id: int, cause: str) -> int:
    """Return how many of those stalled for a cause were asked by ourselves since they are."""
    asked = Invitation.objects.filter(
        by_ourselves(), person=OuterRef("person_id"), created_at__gte=OuterRef("status_since")
    )
    stalled = Health.objects.filter(
        organization=organization_id, cause=cause, severity=0, status=Status.STALLED
    )
    return stalled.filter(Exists(asked)).count()
