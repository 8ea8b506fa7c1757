"""A person's own consent: where their browser is sent, and what the code it brings is worth.

OAuth's web-server flow with a code verifier (RFC 7636). The caller keeps state and verifier in the
browser's session, compares the state that comes back in constant time, and uses both once.

Sources: Google, "Using OAuth 2.0 for Web Server Applications"; Salesforce Help, "OAuth 2.0 Web
Server Flow for Web App Integration".
"""

from __future__ import annotations

import hashlib
import re
import secrets
from base64 import urlsafe_b64encode
from datetime import datetime
from urllib.parse import urlencode

from accounts.credentials import decrypt
from accounts.models import OrganizationCredential, Provider
from syncing.providers.addresses import ProviderAddresses
from syncing.providers.tokens import (
    CALENDAR_SCOPE,
    UNUSABLE,
    Token,
    client_secret,
    credential_unusable,
    token_answer,
    token_from,
)
from syncing.providers.transport import Transport
from syncing.providers.wire import ProviderError, own_error

SCOPES = {Provider.GOOGLE: CALENDAR_SCOPE, Provider.SALESFORCE: "api id refresh_token"}
# Without these Google gives no refresh token to who has consented before.
LASTING = {"access_type": "offline", "prompt": "consent"}
VERIFIER = re.compile(r"[\w.~-]{43,128}", re.ASCII)


def verifier_make() -> str:
    """Return a new code verifier, of 86 characters."""
    return secrets.token_urlsafe(64)


def challenge_of(verifier: str) -> str:
    """Return the challenge (S256) that goes with a verifier. Raises ValueError for a bad one."""
    if not VERIFIER.fullmatch(verifier):
        raise ValueError("a code verifier has 43 to 128 unreserved characters")
    digest = hashlib.sha256(verifier.encode()).digest()
    return urlsafe_b64encode(digest).rstrip(b"=").decode()


def consent_address(
    *,
    provider: Provider,
    client_id: str,
    redirect_uri: str,
    state: str,
    challenge: str,
    login_hint: str,
    addresses: ProviderAddresses,
) -> str:
    """Return where to send the person's browser; `login_hint` is the account expected there."""
    if provider == Provider.GOOGLE:
        address, lasting = addresses.google_authorize_url, LASTING
    else:
        address, lasting = addresses.salesforce_authorize_url, {}
    values = {
        "response_type": "code",
        "client_id": client_id,
        "redirect_uri": redirect_uri,
        "scope": SCOPES[provider],
        "state": state,
        "code_challenge": challenge,
        "code_challenge_method": "S256",
        **({"login_hint": login_hint} if login_hint else {}),
        **lasting,
    }
    return f"{address}?{urlencode(values)}"


def code_exchange(
    *,
    provider: Provider,
    credential: OrganizationCredential,
    code: str,
    verifier: str,
    redirect_uri: str,
    addresses: ProviderAddresses,
    transport: Transport,
    now: datetime,
) -> Token:
    """Return the tokens a code is good for, a refresh token among them.

    Raises ProviderError, also where the consent does not last or leaves the calendar out.
    """
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "code_verifier": verifier,
        "redirect_uri": redirect_uri,
        "client_id": credential.client_id,
    }
    try:
        secret = client_secret(decrypt(credential.secret))
    except UNUSABLE as error:
        raise credential_unusable(provider, error) from error
    form |= {"client_secret": secret} if secret else {}
    answer = token_answer(provider, form, addresses=addresses, transport=transport)
    if provider == Provider.GOOGLE and CALENDAR_SCOPE not in str(answer.get("scope")).split():
        raise _incomplete(
            provider, "CalendarNotAllowed", "the calendar was left out of the consent"
        )
    token = token_from(answer, now)
    if not token.refresh_token:
        raise _incomplete(provider, "ConsentNotLasting", "the consent came without a refresh token")
    return token


def _incomplete(provider: Provider, name: str, text: str) -> ProviderError:
    return ProviderError(own_error(provider, name, text, f"{provider}.token"), name)
