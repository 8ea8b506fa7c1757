"""Getting access on a person's behalf, and proving that an access works and whose it is."""

from __future__ import annotations

import http.client
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

import httplib2
import requests

from accounts.credentials import decrypt
from accounts.models import Grant, OrganizationCredential, Person, Provider
from syncing.providers.addresses import ProviderAddresses
from syncing.providers.tokens import (
    UNUSABLE,
    Token,
    assertion_form,
    credential_unusable,
    token_answer,
    token_from,
)
from syncing.providers.transport import Transport
from syncing.providers.wire import ProviderError, own_error, provider_error

# By which grant an organization's own credential acts for its people.
ACTING = {Provider.GOOGLE: Grant.DELEGATED, Provider.SALESFORCE: Grant.JWT}
# A Salesforce id comes in 15 characters, or in 18 that only add a checksum.
ID_LENGTH = 15


@dataclass(frozen=True, slots=True)
class Account:
    """Whose access it is: Google's address, or Salesforce's user id; `name` is for people.

    `host` is that of the Salesforce organization it is for: ids of users, and their user names in
    part, are the same in its sandboxes.
    """

    id: str
    name: str
    host: str = ""


def token_mint(
    *,
    person: Person,
    provider: Provider,
    credential: OrganizationCredential,
    addresses: ProviderAddresses,
    transport: Transport,
    now: datetime,
) -> Token:
    """Return a token for a person by the organization's own access. Raises ProviderError."""
    subject = person.email if provider == Provider.GOOGLE else person.salesforce_username
    if not subject:
        raise ProviderError(own_error(provider, "UsernameMissing", "no user name is known here"))
    try:
        form = assertion_form(
            provider,
            client_id=credential.client_id,
            secret=decrypt(credential.secret),
            subject=subject,
            addresses=addresses,
            now=now,
        )
    except UNUSABLE as error:
        raise credential_unusable(provider, error) from error
    answer = token_answer(provider, form, addresses=addresses, transport=transport)
    return token_from(answer, now)


def access_prove(
    *, provider: Provider, token: Token, addresses: ProviderAddresses, transport: Transport
) -> Account:
    """Return whose access a token is, by one call that changes nothing. Raises ProviderError."""
    if provider == Provider.GOOGLE:
        return _google_account(token, addresses, transport)
    return _salesforce_account(token, addresses, transport)


def _google_account(token: Token, addresses: ProviderAddresses, transport: Transport) -> Account:
    """Of the primary calendar, the id is the address of its owner."""
    wire, operation = transport.google, "calendars.get"
    url = f"{addresses.google_api_root.rstrip('/')}/calendar/v3/calendars/primary"
    wire.last, answer, cause = None, None, None
    try:
        response, body = wire.request(url, headers=_bearer(token))
        answer = json.loads(body) if int(response.status) == 200 else None
    except (httplib2.HttpLib2Error, http.client.HTTPException, OSError, ValueError) as error:
        cause = error
    account = _text(answer, "id")
    if not account:
        raise provider_error(wire.last, provider="google", operation=operation, error=cause)
    return Account(account, account)


def _salesforce_account(
    token: Token, addresses: ProviderAddresses, transport: Transport
) -> Account:
    wire, operation = transport.salesforce_adapter, "userinfo"
    home = token.instance_url or f"https://{addresses.salesforce_login_host}"
    wire.last, answer, cause = None, None, None
    if not home.startswith("https://"):
        raise ProviderError(own_error("salesforce", "UnsafeInstance", "the instance is not https"))
    try:
        response = transport.session.get(
            f"{home}/services/oauth2/userinfo", headers=_bearer(token), allow_redirects=False
        )
        answer = response.json() if response.status_code == 200 else None
    except (requests.RequestException, ValueError) as error:
        cause = error
    account = _text(answer, "user_id")
    if not account:
        raise provider_error(wire.last, provider="salesforce", operation=operation, error=cause)
    name = _text(answer, "preferred_username") or account
    return Account(account, name, urlsplit(token.instance_url).netloc)


def _bearer(token: Token) -> dict[str, str]:
    return {"Authorization": f"Bearer {token.value}"}


def _text(answer: Any, name: str) -> str:
    value = answer.get(name) if isinstance(answer, Mapping) else None
    return value if isinstance(value, str) else ""


def is_account_of(person: Person, provider: Provider, account: Account) -> bool:
    """Whether an account is the person's own.

    At Google it has their address; which calendar of theirs is synced proves nothing. At Salesforce
    it is in their organization, and is their user or, where that is not known, has their user name.
    Of a person of whom neither is known, no account is.
    """
    if provider == Provider.GOOGLE:
        return bool(person.email) and account.id.casefold() == person.email.casefold()
    if not is_at_home(person, account):
        return False
    if person.salesforce_user_id:
        return account.id[:ID_LENGTH] == person.salesforce_user_id[:ID_LENGTH]
    name = person.salesforce_username
    return bool(name) and account.name.casefold() == name.casefold()


def is_at_home(person: Person, account: Account) -> bool:
    """Whether a Salesforce account is in the person's own organization."""
    return account.host.casefold() == person.organization.salesforce_host.casefold()
