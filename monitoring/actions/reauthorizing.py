"""Re-authorizing one person: decide, ask the providers, then keep all of it in one transaction."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from accounts.access import zone_of
from accounts.models import Connection, ConnectionState, OrganizationCredential, Person, Provider
from monitoring.actions.access_conditions import abilities, credentials_of, held_back
from monitoring.actions.access_getting import Got, access_get, access_keep, connection_rest
from monitoring.actions.beginning import sync_begin
from monitoring.actions.deeds import Result
from monitoring.actions.invitations import (
    OPEN,
    AlreadyInvitedError,
    invitation_make,
    invitations_of_person_grant,
    not_over,
)
from monitoring.actions.links import person_link
from monitoring.actions.models import Action, Invitation, InvitationState, PersonState
from monitoring.actions.reauthorization import (
    ConnectionFacts,
    Method,
    ReauthorizationFacts,
    asked_for,
    needs_access,
    reauthorization_of,
)
from monitoring.alerts.mails import mail_of
from monitoring.alerts.models import Message
from monitoring.alerts.outbox import message_queue
from monitoring.audit.log import audit_entry_write
from monitoring.health.models import Health
from monitoring.jobs.models import Lane
from monitoring.outcomes.models import Outcome
from syncing.runner import providers_here


@dataclass(frozen=True, slots=True)
class Case:
    """One person of an action, with what decides about them."""

    person: Person
    facts: ReauthorizationFacts
    credentials: Mapping[str, OrganizationCredential]


def reauthorize(action: Action, person_id: int, now: datetime) -> Result:
    """Get a person's accesses anew and return what came of it.

    Nothing is written before all providers have answered. Done twice, it is as if done once.
    """
    case = case_of(action, person_id)
    if case is None:
        return Result(PersonState.SKIPPED, "gone")
    plan = reauthorization_of(case.facts)
    if plan.left_out:
        return done_before(action, person_id) or Result(PersonState.SKIPPED, plan.left_out)
    connection_rest()
    got = {
        Provider(name): access_get(
            case.person, Provider(name), case.credentials.get(name), providers_here(), now
        )
        for name in plan.mint
    }
    return keep(action, case.person, got, plan.ask, now)


def case_of(action: Action, person_id: int) -> Case | None:
    """Load what decides about a person; None for who is gone."""
    people = Person.objects.select_related("organization")
    person = people.filter(pk=person_id, organization=action.organization_id).first()
    if person is None:
        return None
    credentials = credentials_of(person.organization)
    acts, asks = abilities(credentials)
    method = Method(action.parameters["method"])
    asked = held_back(asked_for(method, acts, asks))
    facts = ReauthorizationFacts(
        needs=needs_of(person),
        method=method,
        acts=acts,
        asks=asks,
        invited=Invitation.objects.filter(person=person, state__in=OPEN).exists(),
        held_back=Health.objects.filter(asked, person=person).exists(),
    )
    return Case(person, facts, credentials)


def needs_of(person: Person) -> frozenset[str]:
    """Return the providers whose access is to be got anew."""
    health = Health.objects.get(person=person)
    began_at = last_run_began_at(health)
    connections = {
        each.provider: ConnectionFacts(
            refused=each.state == ConnectionState.REFUSED,
            granted_at=each.granted_at,
            of_nobody=each.provider == Provider.SALESFORCE and not person.salesforce_user_id,
        )
        for each in Connection.objects.filter(person=person)
    }
    return frozenset(
        provider.value
        for provider in Provider
        if needs_access(connections.get(provider), provider, health.last_rule, began_at)
    )


def last_run_began_at(health: Health) -> datetime | None:
    """Return when the person's last run began; when it ended, of one that is forgotten."""
    if health.last_attempt_id is None:
        return health.last_attempt_at
    found = Outcome.objects.filter(attempt_id=health.last_attempt_id)
    return found.values_list("started_at", flat=True).first() or health.last_attempt_at


def done_before(action: Action, person_id: int) -> Result | None:
    """Return the result of a worker that did this and died before it could say so."""
    invitation = Invitation.objects.filter(action=action, person=person_id).first()
    restored = Connection.objects.none()
    if Message.objects.filter(key=mail_key(action, person_id)).exists():
        restored = Connection.objects.filter(
            person=person_id, granted_at__gte=action.begun_at, state=ConnectionState.PROVEN
        )
    providers = [Provider(name) for name in restored.values_list("provider", flat=True)]
    return done(providers, invitation)


@transaction.atomic
def keep(
    action: Action,
    person: Person,
    got: Mapping[Provider, Got],
    ask: Collection[str],
    now: datetime,
) -> Result:
    """Write what the providers answered, ask the person for the rest, and tell them.

    Locks in the order of a person's own consent: the person, their invitations, connections, jobs,
    health.
    """
    still = Person.objects.select_for_update(no_key=True).filter(pk=person.pk)
    if not still.exists():
        return Result(PersonState.SKIPPED, "gone")
    list(Invitation.objects.select_for_update().filter(not_over(now), person=person).order_by("pk"))
    restored = access_keep(person, got, now)
    for provider in restored:
        invitations_of_person_grant(person=person, provider=provider, but=None, now=now)
    invitation = invite(action, person, ask, now) if ask else None
    if restored:
        lane = Lane.ADMIN if action.people == 1 else Lane.BULK
        syncs = sync_begin(person=person, lane=lane, now=now)
        mail_queue(action, person, restored, now, incomplete=not syncs)
    refused = [one for one in got.values() if one.refusal]
    if not refused:
        return done(restored, invitation) or Result(PersonState.SKIPPED, "invited_already")
    if restored:
        # Only what is done of all is logged with the results.
        names = [provider.value for provider in restored]
        audit_entry_write(
            organization=person.organization,
            action="person.reauthorize",
            now=now,
            author=action.author,
            person=person,
            detail={"action": action.pk, "providers": names},
        )
    return failed(refused, restored, invitation)


def invite(
    action: Action, person: Person, ask: Collection[str], now: datetime
) -> Invitation | None:
    """Ask the person for access; None for who has an open invitation by now."""
    try:
        return invitation_make(
            organization=person.organization,
            person=person,
            providers=ask,
            asked_by=action.author,
            asked_by_name=action.author_name,
            action=action,
            now=now,
        )
    except AlreadyInvitedError:
        return None


def mail_key(action: Action, person_id: int) -> str:
    return f"acted_for_you/{action.pk}/{person_id}"


def mail_queue(
    action: Action,
    person: Person,
    restored: Iterable[Provider],
    now: datetime,
    *,
    incomplete: bool,
) -> None:
    """Tell the person who acted for them, once an action, and whether syncing goes on."""
    context = {
        "person_name": person.name,
        "organization_name": person.organization.name,
        "actor_name": action.author_name,
        "providers": [provider.label for provider in restored],
        "at": now,
        "zone": zone_of(person.time_zone),
        "link": person_link(person, now),
        "incomplete": incomplete,
    }
    message_queue(
        organization=person.organization,
        person=person,
        kind="acted_for_you",
        key=mail_key(action, person.pk),
        recipient=person.email,
        recipient_name=person.name,
        mail=mail_of("acted_for_you", context),
        now=now,
    )


def done(restored: Collection[Provider], invitation: Invitation | None) -> Result | None:
    """Return the result of what went well; None where nothing was done."""
    codes = (["restored"] if restored else []) + (["invited"] if invitation else [])
    if not codes:
        return None
    return Result(PersonState.DONE, "_and_".join(codes), words(restored, invitation))


def failed(
    refused: Collection[Got], restored: Collection[Provider], invitation: Invitation | None
) -> Result:
    """Return the result where a provider gave no access; it says what went well, too."""
    refusals = [one.refusal for one in refused if one.refusal]
    lasting = [refusal for refusal in refusals if not refusal.temporary]
    code = lasting[0].code if lasting else "temporary"
    told = [words(restored, invitation), *(refusal.sentence for refusal in refusals)]
    return Result(PersonState.FAILED, code, " ".join(part for part in told if part))


def words(restored: Collection[Provider], invitation: Invitation | None) -> str:
    """Say what went well, in a sentence for each."""
    said = []
    if restored:
        said.append(f"{labels(restored)} restored and proven.")
    if invitation:
        asked = labels(invitation.providers)
        waits = invitation.state == InvitationState.WAITING
        said.append(f"Asked for {asked}{' once the incident is over' if waits else ' by mail'}.")
    return " ".join(said)


def labels(providers: Collection[str]) -> str:
    return " and ".join(str(provider.label) for provider in Provider if provider in providers)
