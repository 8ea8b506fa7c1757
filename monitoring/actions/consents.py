"""A person's own consent: from the button they press to the access that is kept.

In between their browser is at the provider. Nothing of it is stored until whose access it is has
been proven. While a provider is asked a web thread waits, so that is kept short, only some may do
it at once, and no database connection is held.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from threading import BoundedSemaphore

from django.db import transaction

from accounts.models import Grant, OrganizationCredential, Person, Provider
from monitoring.actions.access_getting import connection_rest
from monitoring.actions.beginning import sync_begin
from monitoring.actions.invitations import (
    InvitationClosedError,
    granted,
    invitation_lock,
    invitation_note,
    invitations_of_person_grant,
    is_usable,
)
from monitoring.actions.models import Invitation
from monitoring.actions.own import own_deed_write
from monitoring.actions.refusals import refusal_of
from monitoring.errors.facts import RawError
from monitoring.jobs.models import Lane
from syncing.consent import challenge_of, code_exchange, consent_address, verifier_make
from syncing.credentials import abilities_of
from syncing.grants import connection_restore
from syncing.providers.tokens import Token
from syncing.providers.wire import ProviderError
from syncing.proving import Account, access_prove, is_account_of, is_at_home
from syncing.runner import providers_here

# Seconds that one answer may take, of two; somebody waits for them in their browser.
PATIENCE = 8.0
# So many threads of a web process, of four, may wait for a provider. The others serve pages.
AT_ONCE = 2
room = BoundedSemaphore(AT_ONCE)


class ConsentRefusedError(Exception):
    """A consent that did not lead to access; the message is a sentence for the person."""


class PersonGoneError(Exception):
    """The person's calendar is not synced here any more."""


@dataclass(frozen=True, slots=True)
class Errand:
    """What a browser is sent to a provider for.

    `verifier` proves that the answer is redeemed by who asked. `invitation_id` is None for who
    began on their own page.
    """

    provider: Provider
    person_id: int
    invitation_id: int | None
    verifier: str
    redirect_uri: str


@dataclass(frozen=True, slots=True)
class Departure:
    """Where the browser goes, and the state by which the answer will be known."""

    address: str
    state: str
    errand: Errand


def credential_of(person: Person, provider: Provider) -> OrganizationCredential | None:
    """Return the app by which the person's organization can ask for consent, if it has one."""
    own = OrganizationCredential.objects.filter(organization=person.organization_id)
    credential = own.filter(provider=provider).first()
    return credential if abilities_of(credential).can_ask else None


def consent_begin(
    *, person: Person, provider: Provider, invitation: Invitation | None, redirect_uri: str
) -> Departure:
    """Return where to send the person's browser. Raises ConsentRefusedError without an app."""
    credential = credential_of(person, provider)
    if credential is None:
        raise ConsentRefusedError(no_app(person, provider))
    state, verifier = secrets.token_urlsafe(32), verifier_make()
    address = consent_address(
        provider=provider,
        client_id=credential.client_id,
        redirect_uri=redirect_uri,
        state=state,
        challenge=challenge_of(verifier),
        login_hint=account_wanted(person, provider),
        addresses=providers_here().addresses,
    )
    invitation_id = invitation.pk if invitation else None
    return Departure(
        address, state, Errand(provider, person.pk, invitation_id, verifier, redirect_uri)
    )


def errand_check(errand: Errand, now: datetime) -> tuple[Person, Invitation | None]:
    """Return whom an errand is for, and its invitation.

    Raises PersonGoneError, and InvitationClosedError for a link that is over.
    """
    people = Person.objects.select_related("organization")
    person = people.filter(pk=errand.person_id).first()
    if person is None:
        raise PersonGoneError
    if errand.invitation_id is None:
        return person, None
    invitation = Invitation.objects.filter(pk=errand.invitation_id, person=person).first()
    if invitation is None or not is_usable(invitation, now):
        raise InvitationClosedError(invitation)
    return person, invitation


def consent_take(*, errand: Errand, code: str, now: datetime) -> bool:
    """Redeem what the browser brought, prove whose account it is, keep the access, and sync.

    Returns whether a sync was asked for. An account of somebody else is refused, and what is
    connected stays as it is. Raises ConsentRefusedError, PersonGoneError, InvitationClosedError.
    """
    person, invitation = errand_check(errand, now)
    try:
        token, account = redeem(errand, person, code, now)
    except ProviderError as error:
        raise ConsentRefusedError(failure_words(errand.provider, error)) from error
    if not is_account_of(person, errand.provider, account):
        if invitation:
            # Whoever opens the link next may read this: it names nobody else.
            wanted = wanted_words(person, errand.provider)
            sentence = f"At the last try the consent was of another account than {wanted}."
            invitation_note(invitation=invitation, sentence=sentence)
        raise ConsentRefusedError(wrong_account(person, errand.provider, account))
    return access_keep(errand=errand, token=token, account=account, now=now)


def redeem(errand: Errand, person: Person, code: str, now: datetime) -> tuple[Token, Account]:
    """Return the tokens a code is good for and whose they are. Raises ProviderError."""
    credential = credential_of(person, errand.provider)
    if credential is None:
        raise ConsentRefusedError(no_app(person, errand.provider))
    connection_rest()
    providers = providers_here()
    with place_taken(), providers.brief_transport(PATIENCE) as transport:
        token = code_exchange(
            provider=errand.provider,
            credential=credential,
            code=code,
            verifier=errand.verifier,
            redirect_uri=errand.redirect_uri,
            addresses=providers.addresses,
            transport=transport,
            now=now,
        )
        account = access_prove(
            provider=errand.provider,
            token=token,
            addresses=providers.addresses,
            transport=transport,
        )
    return token, account


@contextmanager
def place_taken() -> Iterator[None]:
    """Keep one of the places of those who wait for a provider. Raises ConsentRefusedError."""
    if not room.acquire(blocking=False):
        raise ConsentRefusedError("Many people give access just now. Try again in a few minutes.")
    try:
        yield
    finally:
        room.release()


@transaction.atomic
def access_keep(*, errand: Errand, token: Token, account: Account, now: datetime) -> bool:
    """Keep a proven access, note it for the invitation, and ask for a sync at once.

    Returns whether a sync was asked for. Raises PersonGoneError and InvitationClosedError where
    that has come to be meanwhile.
    """
    # The person first: whoever gives access by another link of theirs waits here, holding nothing.
    people = Person.objects.select_related("organization").select_for_update(
        of=("self",), no_key=True
    )
    person = people.filter(pk=errand.person_id).first()
    if person is None:
        raise PersonGoneError
    if errand.invitation_id:
        granted(invitation_lock(errand.invitation_id, now), errand.provider, now)
    invitations_of_person_grant(
        person=person, provider=errand.provider, but=errand.invitation_id, now=now
    )
    connection_restore(
        person=person,
        provider=errand.provider,
        grant=Grant.REFRESH_TOKEN,
        token=token,
        account=account,
        now=now,
    )
    own_deed_write(person, "person.consent", now, provider=str(errand.provider))
    return sync_begin(person=person, lane=Lane.ADMIN, now=now)


def account_wanted(person: Person, provider: Provider) -> str:
    """Return the name of the account that is the person's own."""
    return person.email if provider == Provider.GOOGLE else person.salesforce_username


def wanted_words(person: Person, provider: Provider) -> str:
    return account_wanted(person, provider) or f"the account of {person.name}"


def wrong_account(person: Person, provider: Provider, account: Account) -> str:
    wanted = wanted_words(person, provider)
    if provider == Provider.SALESFORCE and not is_at_home(person, account):
        there, home = account.host or "another address", person.organization.salesforce_host
        return (
            f"You consented at {there}, but this link is for {wanted} at {home}. Nothing was "
            "changed. Sign out of Salesforce, then try again."
        )
    return (
        f"You consented as {account.name}, but this link is for {wanted}. Nothing was changed. "
        f"Choose {wanted} at {provider.label}, signing out there first if need be."
    )


def no_app(person: Person, provider: Provider) -> str:
    return (
        f"{person.organization.name} has not set up {provider.label} for this. Tell your "
        "Salesforce administrator; they can."
    )


# What a provider calls trouble of its own when it sends a browser back.
OWN_TROUBLE = frozenset({"server_error", "temporarily_unavailable"})


def consent_refused(*, errand: Errand, error: str, description: str, now: datetime) -> str:
    """Keep at the invitation why the provider sent the browser back without a consent.

    `error` and `description` are the provider's. Returns what it means to the person. Raises
    PersonGoneError and InvitationClosedError.
    """
    _, invitation = errand_check(errand, now)
    refusal = refusal_of(errand.provider, answer_of(errand.provider, error, description))
    told = ": ".join(part for part in (error, description) if part)
    if invitation:
        sentence = f"{refusal.sentence} {errand.provider.label} said “{told}”"
        invitation_note(invitation=invitation, sentence=sentence)
    if refusal.temporary:
        return f"{refusal.title}. Try again in a few minutes; if it says so again, tell your admin."
    return f"{errand.provider.label} gave no access. {refusal.title}. Tell your admin."


def answer_of(provider: Provider, error: str, description: str) -> RawError:
    """Return what a browser was sent back with as the rules read an error."""
    body = json.dumps({"error": error, "error_description": description})
    status = 503 if error in OWN_TROUBLE else 400
    return RawError(provider, "oauth-json", status, {}, body, "consent")


TRY_AGAIN = {
    "CalendarNotAllowed": "The calendar was left out of the consent. Try again, and leave it in.",
    "ConsentNotLasting": (
        "The consent would end within hours. Try again; if it says so again, tell your Salesforce "
        "administrator."
    ),
    "invalid_grant": "That answer was used before or came too late. Try again.",
}


def failure_words(provider: Provider, error: ProviderError) -> str:
    """Return what a provider's refusal means to the person, and what to do."""
    if error.code in TRY_AGAIN:
        return TRY_AGAIN[error.code]
    status = error.raw.status
    if status is None or status >= 500 or status == 429:
        return f"{provider.label} does not answer just now. Try again in a few minutes."
    return (
        f"{provider.label} did not accept the consent. Try again; if it says so again, tell your "
        "Salesforce administrator."
    )
