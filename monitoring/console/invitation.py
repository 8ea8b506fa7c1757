"""Where the link of an invitation leads: who asks for what, and the way to give it.

Following the link changes nothing, since mail scanners follow links as well.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from accounts.access import zone_of
from accounts.models import OrganizationCredential, Person, Provider
from monitoring.actions.invitations import InvitationClosedError, invitation_open, is_usable
from monitoring.actions.links import invitation_id_of, person_link
from monitoring.actions.models import Invitation, InvitationState
from monitoring.console.consent import depart, has_proven, origins_of
from monitoring.console.invitation_words import closed_page
from monitoring.console.moments import zone_name
from monitoring.console.quiet import quiet_page, said
from monitoring.console.rows import coming
from syncing.credentials import abilities_of


@dataclass(frozen=True, slots=True)
class Asked:
    """One access that is asked for. `can_ask` is False where the organization has no app for it."""

    provider: Provider
    is_granted: bool
    can_ask: bool
    account: str
    action: str

    @property
    def leads(self) -> bool:
        """Whether there is a button for it."""
        return self.can_ask and not self.is_granted


def invitation_in(token: str) -> Invitation | None:
    """Return the invitation of a token. Raises Http404 for a token that is not ours."""
    invitation_id = invitation_id_of(token)
    if invitation_id is None:
        raise Http404
    found = Invitation.objects.select_related("person", "organization", "action")
    return found.filter(pk=invitation_id).first()


@require_safe
def invitation(request: HttpRequest, token: str) -> HttpResponse:
    """Show what is asked for, by whom, and a button for each provider."""
    try:
        found = invitation_in(token)
    except Http404:
        return broken(request)
    now = timezone.now()
    if found is not None and found.state == InvitationState.DONE:
        own = person_link(found.person, now) if has_proven(request, found.person) else reverse("me")
        return quiet_page(request, "done", {"invitation": found, "own_page": own})
    if found is None or not is_usable(found, now):
        return closed_page(request, found)
    zone, asked = zone_of(found.person.time_zone), asked_of(found, token)
    leading = [each.provider for each in asked if each.leads]
    context: dict[str, Any] = {
        "invitation": found,
        "token": token,
        "asked": asked,
        "first": leading[0] if leading else None,
        "words": str((found.action.parameters.get("message") if found.action else "") or ""),
        "expires": coming(found.expires_at, now, zone),
        "zone_name": zone_name(zone),
    }
    leads_to = origins_of(found.organization, leading)
    return quiet_page(request, "invitation", context, leads_to=leads_to)


def asked_of(invitation: Invitation, token: str) -> list[Asked]:
    """Return what is asked for, provider by provider."""
    can_ask = askable(invitation.person)
    return [
        Asked(
            provider=provider,
            is_granted=provider in invitation.granted,
            can_ask=provider in can_ask,
            account=account_of(invitation.person, provider),
            action=reverse(f"invitation_{provider}", args=[token]),
        )
        for provider in Provider
        if provider in invitation.providers
    ]


def account_of(person: Person, provider: Provider) -> str:
    return person.email if provider == Provider.GOOGLE else person.salesforce_username


def askable(person: Person) -> set[Provider]:
    """Return the providers at which the person's organization has an app to ask with."""
    own = OrganizationCredential.objects.filter(organization=person.organization_id)
    return {Provider(each.provider) for each in own if abilities_of(each).can_ask}


@require_POST
def invitation_start(request: HttpRequest, token: str, provider: Provider) -> HttpResponse:
    """Note that the person has begun, and send them to the provider."""
    try:
        found = invitation_in(token)
    except Http404:
        return broken(request)
    now = timezone.now()
    if found is None:
        return closed_page(request, None)
    try:
        invitation_open(invitation=found, now=now)
    except InvitationClosedError as closed:
        return closed_page(request, closed.invitation)
    if provider not in found.providers or provider in found.granted:
        return redirect("invitation", token)
    return depart(
        request,
        person=found.person,
        provider=provider,
        invitation=found,
        back=reverse("invitation", args=[token]),
    )


def broken(request: HttpRequest) -> HttpResponse:
    return said(
        request,
        404,
        "This link is not complete",
        "Copy the whole address from the mail, or press the button there.",
    )
