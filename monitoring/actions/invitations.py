"""Invitations: asking a person, by a link, to give access again.

A link opens from when it is sent until it is used, withdrawn or expired, also after the person has
declined. Following it changes nothing, because mail scanners follow links as well: `opened` is who
has pressed a button there.

Permission and audit of asking are the caller's, who does it to many at once.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.core.exceptions import PermissionDenied
from django.db import IntegrityError, transaction
from django.db.models import BooleanField, Case, Count, Exists, F, OuterRef, Q, Value, When

from accounts.access import Access
from accounts.models import Connection, ConnectionState, Organization, Person, Provider
from monitoring.actions.invitation_course import LinkPolicy, expiry, next_look
from monitoring.actions.letters import invitation_mail, invitation_mails_withdraw
from monitoring.actions.models import Action, ActionPolicy, Invitation, InvitationState
from monitoring.audit.log import audit_entries_write, audit_entry_write
from monitoring.health.models import Health, Status
from monitoring.incidents.models import Hit, Incident

OPEN = (InvitationState.WAITING, InvitationState.SENT, InvitationState.OPENED)
# What a link opens on, until it expires.
USABLE = (InvitationState.SENT, InvitationState.OPENED, InvitationState.REFUSED)


class AlreadyInvitedError(Exception):
    """The person has an open invitation already."""


class InvitationClosedError(Exception):
    """The link does not open any more; `invitation` says why, None where its row is gone."""

    def __init__(self, invitation: Invitation | None) -> None:
        super().__init__("This link does not open any more.")
        self.invitation = invitation


def is_usable(invitation: Invitation, now: datetime) -> bool:
    """Tell whether access can be given by the link."""
    expires_at = invitation.expires_at
    return invitation.state in USABLE and expires_at is not None and now < expires_at


def not_over(now: datetime) -> Q:
    """Return the condition that it is open, or its link still opens to who has declined."""
    return Q(state__in=OPEN) | Q(state=InvitationState.REFUSED, expires_at__gt=now)


def incident_of(provider: Provider) -> Q:
    """Return the condition that an incident of the organization with that provider is open."""
    opened = Incident.objects.of_failures().open().filter(organization=OuterRef("organization"))
    return Q(Exists(opened.filter(provider=provider)))


def is_hit() -> Q:
    """Return the condition that the person waits for the end of an incident that hit them."""
    hits = Hit.objects.waiting().filter(
        person=OuterRef("person"), organization=OuterRef("organization")
    )
    return Q(Exists(hits.filter(incident__recovered_at=None)))


def held_back() -> Q:
    """Return, for a query of invitations, the condition that nobody is written to now.

    The person waits for the end of an incident that hit them, or one of their organization with a
    provider asked for is open.
    """
    found = is_hit()
    for provider in Provider:
        found |= Q(providers__contains=[provider]) & incident_of(provider)
    return found


def in_order() -> Q:
    """Return the condition that all accesses asked for have been proven since."""
    proven = Connection.objects.filter(
        person=OuterRef("person"),
        state=ConnectionState.PROVEN,
        proven_at__gt=OuterRef("created_at"),
    )
    found = Q()
    for provider in Provider:
        found &= ~Q(providers__contains=[provider]) | Q(Exists(proven.filter(provider=provider)))
    return found


def by_ourselves() -> Q:
    """Return the condition that nobody asked but the organization itself, through us."""
    return Q(asked_by=None, action=None, asked_by_name=F("organization__name"))


def no_longer_asked() -> Q:
    """Return the condition that it was asked by ourselves, and the person syncs again."""
    stalled = Health.objects.filter(person=OuterRef("person"), status=Status.STALLED)
    return by_ourselves() & ~Q(Exists(stalled))


def told(condition: Q) -> Case:
    """Return a condition as something to annotate."""
    return Case(When(condition, then=Value(True)), default=False, output_field=BooleanField())


def link_policies(organization_ids: Collection[int]) -> dict[int, LinkPolicy]:
    """Return how these organizations want links sent, by id."""
    stored = ActionPolicy.objects.filter(organization__in=organization_ids)
    found = {each.pk: each for each in stored}
    return {each: policy_from(found.get(each) or ActionPolicy()) for each in organization_ids}


def policy_from(policy: ActionPolicy) -> LinkPolicy:
    return LinkPolicy(policy.link_days, policy.reminders, policy.reminder_days)


@transaction.atomic
def invitation_make(
    *,
    organization: Organization,
    person: Person,
    providers: Collection[str],
    asked_by: Any,
    asked_by_name: str,
    action: Action | None,
    now: datetime,
) -> Invitation:
    """Ask a person to give access to the providers again, and queue the mail with the link.

    During an incident of the person, or of the organization with one of the providers, it waits
    for the end. Raises AlreadyInvitedError for who has an open one.
    """
    invitation = Invitation(
        organization=organization,
        person=person,
        action=action,
        providers=[each for each in Provider if each in providers],
        state=InvitationState.WAITING,
        asked_by=asked_by,
        asked_by_name=asked_by_name,
        created_at=now,
        look_at=now,
    )
    try:
        with transaction.atomic():
            invitation.save()
    except IntegrityError as error:
        raise AlreadyInvitedError("There is an open invitation already.") from error
    if not Invitation.objects.filter(held_back(), pk=invitation.pk).exists():
        policy = link_policies([organization.pk])[organization.pk]
        invitation_send(invitation, policy, now)
    return invitation


def invitation_send(invitation: Invitation, policy: LinkPolicy, now: datetime) -> None:
    """Queue the mail of an invitation that waited. Runs in the caller's transaction."""
    invitation.state = InvitationState.SENT
    invitation.sent_at = now
    invitation.expires_at = expiry(policy, now)
    invitation.look_at = next_look(0, invitation.expires_at, policy, now)
    invitation.save(update_fields=["state", "sent_at", "expires_at", "look_at"])
    invitation_mail(invitation, now)


def invitation_open(*, invitation: Invitation, now: datetime) -> None:
    """Note that the person has begun. Raises InvitationClosedError where the link is over."""
    if not is_usable(invitation, now):
        raise InvitationClosedError(invitation)
    Invitation.objects.filter(pk=invitation.pk, state=InvitationState.SENT).update(
        state=InvitationState.OPENED, opened_at=now
    )


@transaction.atomic
def invitation_grant(*, invitation: Invitation, provider: Provider, now: datetime) -> Invitation:
    """Note that access to the provider was given; with the last one asked for it is done.

    Raises InvitationClosedError where the link was used up, withdrawn or has expired meanwhile.
    """
    locked = invitation_lock(invitation.pk, now)
    return granted(locked, provider, now)


def invitation_lock(invitation_id: int, now: datetime) -> Invitation:
    """Return the invitation, locked. Raises InvitationClosedError where its link is over."""
    found = Invitation.objects.select_for_update().filter(pk=invitation_id).first()
    if found is None or not is_usable(found, now):
        raise InvitationClosedError(found)
    return found


def granted(invitation: Invitation, provider: Provider, now: datetime) -> Invitation:
    """Write to a locked invitation what was given by it."""
    if provider in invitation.providers and provider not in invitation.granted:
        invitation.granted = [*invitation.granted, provider]
    invitation.refusal = ""
    if set(invitation.providers) <= set(invitation.granted):
        invitation.state, invitation.ended_at = InvitationState.DONE, now
        invitation.look_at = None
        invitation_mails_withdraw([invitation], now)
    elif invitation.state == InvitationState.REFUSED:
        taken_up(invitation, now)
    invitation.save(update_fields=["granted", "refusal", "state", "ended_at", "look_at"])
    return invitation


def taken_up(invitation: Invitation, now: datetime) -> None:
    """Have who declined, and has given a part after all, be reminded of the rest.

    Where they were asked anew meanwhile, that invitation does it. Who gives access holds the lock
    of the person's row, so that nobody asks anew just now.
    """
    if Invitation.objects.filter(person=invitation.person_id, state__in=OPEN).exists():
        return
    policy = link_policies([invitation.organization_id])[invitation.organization_id]
    invitation.state, invitation.ended_at = InvitationState.OPENED, None
    invitation.look_at = next_look(invitation.reminders, invitation.expires_at, policy, now)


def invitations_of_person_grant(
    *, person: Person, provider: Provider, but: int | None, now: datetime
) -> None:
    """Note for the person's invitations what was given another way than by their links.

    For those they declined as well, as long as they may change their mind.
    """
    found = Invitation.objects.select_for_update().filter(not_over(now), person=person)
    for invitation in found.filter(providers__contains=[provider]).order_by("pk"):
        if invitation.pk != but:
            granted(invitation, provider, now)


def invitation_refuse(*, invitation: Invitation, sentence: str, now: datetime) -> None:
    """Note that the person declined. They may still change their mind by the same link."""
    Invitation.objects.filter(pk=invitation.pk, state__in=USABLE).update(
        state=InvitationState.REFUSED, refusal=sentence[:500], ended_at=now, look_at=None
    )


def invitation_note(*, invitation: Invitation, sentence: str) -> None:
    """Keep what went wrong at the last try; the invitation stays as open as it was."""
    Invitation.objects.filter(pk=invitation.pk, state__in=USABLE).update(refusal=sentence[:500])


@transaction.atomic
def invitations_withdraw(*, invitations: Iterable[int], now: datetime, sentence: str = "") -> int:
    """Close those of the invitations, given by id, that are not over; return how many.

    Their links stop to open, and mails that have not gone out yet do not.
    """
    found = Invitation.objects.select_for_update().filter(not_over(now), pk__in=invitations)
    open_ones = list(found.order_by("pk"))
    Invitation.objects.filter(pk__in=[each.pk for each in open_ones]).update(
        state=InvitationState.WITHDRAWN, ended_at=now, look_at=None, refusal=sentence[:500]
    )
    invitation_mails_withdraw(open_ones, now)
    return len(open_ones)


@transaction.atomic
def invitation_withdraw(*, access: Access, person: Person, now: datetime) -> bool:
    """Take back the open request to a person and links they declined; return whether there was one.

    Raises PermissionDenied for who may only look or whose organization it is not.
    """
    access.require_change()
    if person.organization_id != access.organization.pk:
        raise PermissionDenied("This person belongs to another organization.")
    own = Invitation.objects.filter(not_over(now), person=person).values_list("pk", flat=True)
    if not invitations_withdraw(invitations=list(own), now=now):
        return False
    audit_entry_write(
        organization=access.organization,
        action="invitation.withdraw",
        now=now,
        author=access.user,
        person=person,
    )
    return True


@transaction.atomic
def campaign_withdraw(*, access: Access, action: Action, now: datetime) -> int:
    """Take back all requests of an action whose links may still be used; return how many.

    Raises PermissionDenied for who may only look or whose organization it is not.
    """
    access.require_change()
    if action.organization_id != access.organization.pk:
        raise PermissionDenied("This action belongs to another organization.")
    own = Invitation.objects.select_for_update().filter(not_over(now), action=action)
    people = dict(own.order_by("pk").values_list("pk", "person"))
    withdrawn = invitations_withdraw(invitations=people, now=now)
    audit_entries_write(
        organization=access.organization,
        action="invitation.withdraw",
        now=now,
        author=access.user,
        people={person: {"action": action.pk} for person in people.values()},
    )
    return withdrawn


@dataclass(frozen=True, slots=True)
class Campaign:
    """How a campaign stands.

    `reminded` counts people, each in a state of their own as well; so does `open`, whose links may
    still be used.
    """

    counts: dict[InvitationState, int]
    reminded: int
    open: int

    @property
    def invited(self) -> int:
        return sum(self.counts.values())


def campaign_of(action: Action, now: datetime) -> Campaign:
    """Return how the invitations of an action stand, in one statement."""
    own = Invitation.objects.filter(action=action, organization=action.organization_id)
    reminded, still = Count("pk", filter=Q(reminders__gt=0)), Count("pk", filter=not_over(now))
    rows = own.values_list("state").annotate(people=Count("pk"), of_them=reminded, still=still)
    counts, with_reminder, usable = dict.fromkeys(InvitationState, 0), 0, 0
    for state, people, reminded_ones, open_ones in rows.order_by():
        counts[InvitationState(state)] = people
        with_reminder += reminded_ones
        usable += open_ones
    return Campaign(counts, with_reminder, usable)
