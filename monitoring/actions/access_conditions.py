"""The conditions of `reauthorization_of` for a query of Health, so that SQL decides for many."""

from __future__ import annotations

from collections.abc import Collection

from django.db.models import Exists, OuterRef, Q, Subquery
from django.db.models.functions import Coalesce

from accounts.models import (
    Connection,
    ConnectionState,
    Organization,
    OrganizationCredential,
    Provider,
)
from monitoring.actions.invitations import OPEN, incident_of, is_hit
from monitoring.actions.models import Invitation
from monitoring.actions.reauthorization import ACCESS_RULES
from monitoring.outcomes.models import Outcome
from syncing.credentials import abilities_of

# Holds for nobody.
NEVER = Q(pk__in=[])


def credentials_of(organization: Organization) -> dict[str, OrganizationCredential]:
    """Return what the organization gave us to act for its people, by provider."""
    own = OrganizationCredential.objects.filter(organization=organization)
    return {each.provider: each for each in own}


def abilities(
    credentials: dict[str, OrganizationCredential],
) -> tuple[frozenset[str], frozenset[str]]:
    """Return the providers at which one can act for people, and those one can ask them for."""
    found = {name: abilities_of(each) for name, each in credentials.items()}
    acts = frozenset(name for name, can in found.items() if can.can_act)
    return acts, frozenset(name for name, can in found.items() if can.can_ask)


def needs(provider: str) -> Q:
    """The access to a provider is to be got anew; `needs_access` in SQL."""
    usable = Connection.objects.filter(person=OuterRef("person_id"), provider=provider).exclude(
        state=ConnectionState.REFUSED
    )
    if provider == Provider.SALESFORCE:
        usable = usable.exclude(person__salesforce_user_id="")
    not_about_access = Q(last_rule=None) | ~Q(last_rule__in=ACCESS_RULES[provider])
    newer = usable.filter(granted_at__gt=last_run_began_at())
    untried = Q(last_attempt_at=None) | Q(Exists(newer))
    return ~(Q(Exists(usable)) & (not_about_access | untried))


def last_run_began_at() -> Coalesce:
    """Within a query about somebody of a query of Health: when their last run began."""
    of_theirs = Outcome.objects.filter(attempt_id=OuterRef(OuterRef("last_attempt_id")))
    return Coalesce(Subquery(of_theirs.values("started_at")), OuterRef("last_attempt_at"))


def needs_any(providers: Collection[str]) -> Q:
    """The access to at least one of these is to be got anew."""
    found = NEVER
    for provider in Provider:
        if provider in providers:
            found |= needs(provider)
    return found


def is_invited() -> Q:
    """An invitation of the person is open."""
    return Q(Exists(Invitation.objects.filter(person=OuterRef("person_id"), state__in=OPEN)))


def held_back(providers: Collection[str]) -> Q:
    """An incident hits the person, or one of these that they would be asked for."""
    found = is_hit()
    for provider in Provider:
        if provider in providers:
            found |= needs(provider) & incident_of(provider)
    return found
