"""The way to a provider and back, for people who give access again.

What a browser was sent for is kept in its session under a random state, for a quarter of an hour
and for one answer. Several tabs may be under way at once. Who reads the table of sessions learns
nothing by it: of the state its hash is there, and what it leads to, a signed link too, encrypted.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import asdict
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib import messages
from django.core.cache import cache
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET

from accounts.credentials import CredentialUnreadableError, decrypt, encrypt
from accounts.models import Organization, Person, Provider
from monitoring.actions.consents import (
    ConsentRefusedError,
    Errand,
    PersonGoneError,
    consent_begin,
    consent_refused,
    consent_take,
    errand_check,
)
from monitoring.actions.invitations import InvitationClosedError, invitation_refuse
from monitoring.actions.models import Invitation
from monitoring.actions.own import own_deed_write
from monitoring.console.invitation_words import closed_page
from monitoring.console.quiet import said
from syncing.runner import providers_here

SESSION_KEY = "consents"
# Whose account somebody at this browser has shown to be theirs.
PROVEN_KEY = "proven"
GOOD_FOR = timedelta(minutes=15)
# How long the session of somebody without a login lasts.
VISITORS_FOR = timedelta(hours=1)
# Tabs under way at once; an older one is told to begin again.
AT_ONCE = 5
LONGEST_SAID = 200
LINK_AGAIN = "Open the link in your mail again, or begin again on your own page."


def depart(
    request: HttpRequest,
    *,
    person: Person,
    provider: Provider,
    invitation: Invitation | None,
    back: str,
) -> HttpResponse:
    """Send the browser to the provider, or back to a page of ours with why that can't be."""
    try:
        departure = consent_begin(
            person=person,
            provider=provider,
            invitation=invitation,
            redirect_uri=callback_address(provider),
        )
    except ConsentRefusedError as refusal:
        messages.error(request, str(refusal))
        return redirect(back)
    errand = asdict(departure.errand) | {"back": back, "at": timezone.now().isoformat()}
    sealed = encrypt(json.dumps(errand)).decode()
    under_way = request.session.get(SESSION_KEY, {})
    kept = dict(list(under_way.items())[-AT_ONCE + 1 :])
    request.session[SESSION_KEY] = kept | {hash_of(departure.state): sealed}
    if not request.user.is_authenticated:
        request.session.set_expiry(VISITORS_FOR)
    return HttpResponseRedirect(departure.address)


def hash_of(state: str) -> str:
    return sha256(state.encode()).hexdigest()


def callback_address(provider: Provider) -> str:
    return settings.BASE_URL.rstrip("/") + reverse(f"consent_{provider}")


def origins_of(organization: Organization, providers: Collection[Provider]) -> list[str]:
    """Return the origins that forms lead to which ask for consent, redirects there included."""
    addresses, found = providers_here().addresses, set()
    if Provider.GOOGLE in providers:
        found.add(origin_of(addresses.google_authorize_url))
    if Provider.SALESFORCE in providers:
        found.add(origin_of(addresses.salesforce_authorize_url))
        # Who has to sign in is sent on to the organization's own domain.
        found.add(f"https://{organization.salesforce_host}")
    return sorted(found)


def origin_of(address: str) -> str:
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.netloc}"


@require_GET
def google_callback(request: HttpRequest) -> HttpResponse:
    """Take the answer that Google sent the browser back with."""
    return come_back(request, Provider.GOOGLE)


@require_GET
def salesforce_callback(request: HttpRequest) -> HttpResponse:
    """Take the answer that Salesforce sent the browser back with."""
    return come_back(request, Provider.SALESFORCE)


def come_back(request: HttpRequest, provider: Provider) -> HttpResponse:
    now = timezone.now()
    state = request.GET.get("state", "")
    found = errand_of(request, state)
    if found is None or found["provider"] != provider:
        return unknown_answer(request)
    back = found["back"]
    if now - datetime.fromisoformat(found["at"]) > GOOD_FOR:
        sentence = "More than a quarter of an hour has passed since you began."
        return said(request, 400, "That took too long", sentence, link=back, label="Begin again")
    # Of two answers at the same moment one finds this there already.
    if not cache.add(f"consent/{hash_of(state)}", True, timeout=2 * GOOD_FOR.total_seconds()):
        return unknown_answer(request)
    try:
        return settle(request, errand_from(found), back, now)
    except InvitationClosedError as closed:
        return closed_page(request, closed.invitation)
    except PersonGoneError:
        return gone(request)


def errand_of(request: HttpRequest, state: str) -> dict[str, Any] | None:
    """Return what the browser was sent for under a state, once."""
    under_way = request.session.get(SESSION_KEY, {})
    sealed = under_way.pop(hash_of(state), None)
    if sealed is None:
        return None
    request.session[SESSION_KEY] = under_way
    try:
        found: dict[str, Any] = json.loads(decrypt(sealed.encode()))
    except CredentialUnreadableError:
        # Its key was taken away meanwhile.
        return None
    return found


def errand_from(found: dict[str, Any]) -> Errand:
    return Errand(
        provider=Provider(found["provider"]),
        person_id=found["person_id"],
        invitation_id=found["invitation_id"],
        verifier=found["verifier"],
        redirect_uri=found["redirect_uri"],
    )


def settle(request: HttpRequest, errand: Errand, back: str, now: datetime) -> HttpResponse:
    """Take what the provider says, and lead back to where the person began, with a sentence."""
    label = errand.provider.label
    code = request.GET.get("code", "")
    if request.GET.get("error") == "access_denied":
        decline(errand, now)
        messages.error(
            request,
            f"You declined at {label}, so nothing was changed. You may still change your mind.",
        )
        return redirect(back)
    if not code and request.GET.get("error"):
        error, description = (said_by(request, name) for name in ("error", "error_description"))
        sentence = consent_refused(errand=errand, error=error, description=description, now=now)
        messages.error(request, sentence)
        return redirect(back)
    if not code:
        sentence = f"{label} sent no consent. Try again; if it says so again, tell your admin."
        messages.error(request, sentence)
        return redirect(back)
    try:
        syncs = consent_take(errand=errand, code=code, now=now)
    except ConsentRefusedError as refusal:
        messages.error(request, str(refusal))
    else:
        request.session[PROVEN_KEY] = errand.person_id
        then = " Your calendar is being synced now." if syncs else ""
        messages.success(request, f"Thank you. {label} is connected.{then}")
    return redirect(back)


def said_by(request: HttpRequest, name: str) -> str:
    """Return what the provider wrote into an address, on one line and no longer than is kept."""
    words = "".join(sign if sign.isprintable() else " " for sign in request.GET.get(name, ""))
    return words[:LONGEST_SAID].strip()


def has_proven(request: HttpRequest, person: Person) -> bool:
    """Whether somebody at this browser has just signed in at a provider as this person."""
    return bool(request.session.get(PROVEN_KEY) == person.pk)


def decline(errand: Errand, now: datetime) -> None:
    """Note that the person said no."""
    person, invitation = errand_check(errand, now)
    label = errand.provider.label
    if invitation:
        invitation_refuse(invitation=invitation, sentence=f"Declined at {label}.", now=now)
    own_deed_write(person, "person.decline", now, provider=str(errand.provider))


def unknown_answer(request: HttpRequest) -> HttpResponse:
    return said(
        request,
        409,
        "Nothing waits for this answer",
        "It was used before, or you began in another browser. Nothing was changed by it.",
        LINK_AGAIN,
        link=reverse("me"),
        label="Go to your own page",
    )


def gone(request: HttpRequest) -> HttpResponse:
    return said(
        request,
        410,
        "Your calendar is not synced here any more",
        "Nothing was kept of your answer. If that is a mistake, ask your Salesforce administrator.",
    )
