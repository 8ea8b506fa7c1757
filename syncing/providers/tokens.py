"""Access tokens: cached encrypted, fetched when missing, renewed at most once a pass.

The four grants are plain OAuth requests, so that a refusal is seen as it was sent. No more than one
login a provider and pass is ever made, whatever the provider answers.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

import jwt
import requests
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from accounts.credentials import CredentialUnreadableError, decrypt
from accounts.models import Grant, Provider
from syncing.providers.addresses import ProviderAddresses
from syncing.providers.transport import Transport
from syncing.providers.wire import ProviderError, own_error, provider_error
from syncing.work import Access, PassWork

CALENDAR_SCOPE = "https://www.googleapis.com/auth/calendar"
# Google wants its own address as audience, wherever the request is sent.
GOOGLE_AUDIENCE = "https://oauth2.googleapis.com/token"
JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
ASSERTION_SECONDS = {"google": 3600, "salesforce": 180}
# A token this close to its end is not used any more: it has to last for the pass.
MARGIN = timedelta(minutes=2)
# What making a request from a credential raises where that isn't what it should be.
UNUSABLE = (
    *(CredentialUnreadableError, UnsupportedAlgorithm, jwt.PyJWTError),
    *(ValueError, TypeError, LookupError, AttributeError, RecursionError),
)


@dataclass(frozen=True, slots=True)
class Token:
    """An access token. `instance_url` is Salesforce's; `refresh_token` a new one, if it rotated."""

    value: str
    expires_at: datetime | None = None
    instance_url: str = ""
    refresh_token: str = ""


class TokenSource:
    """The token of one connection during one pass.

    `remember` is called with each new token before it is used, so that a rotated refresh token is
    never lost.
    """

    def __init__(
        self,
        access: Access,
        fetch: Callable[[], Token],
        remember: Callable[[Access, Token], None],
        now: datetime,
    ) -> None:
        self._access = access
        self._fetch = fetch
        self._remember = remember
        self._token = _cached(access, now)
        self.fetched = False

    def current(self) -> Token:
        """Return the token to use. Raises ProviderError where none can be had."""
        if self._token is None:
            self.renew()
        assert self._token is not None
        return self._token

    def renew(self) -> bool:
        """Replace a token that was refused; returns False when that was already done."""
        if self.fetched:
            return False
        self.fetched = True
        self._token = self._fetch()
        self._remember(self._access, self._token)
        return True


def _cached(access: Access, now: datetime) -> Token | None:
    expires = access.access_token_expires_at
    if access.access_token is None or (expires is not None and expires <= now + MARGIN):
        return None
    try:
        value = decrypt(access.access_token)
    except CredentialUnreadableError:
        # Written with a key that has since been dropped: the grant gives a new one.
        return None
    return Token(value, expires, access.instance_url)


def fetch_token(
    work: PassWork,
    access: Access,
    *,
    addresses: ProviderAddresses,
    transport: Transport,
    now: datetime,
) -> Token:
    """Get a new access token by the connection's grant. Raises ProviderError."""
    try:
        form = _token_form(work, access, addresses, now)
    except UNUSABLE as error:
        raise credential_unusable(access.provider, error) from error
    answer = token_answer(access.provider, form, addresses=addresses, transport=transport)
    return token_from(answer, now)


def token_from(answer: Mapping[str, Any], now: datetime) -> Token:
    """Return the token in an answer of a token endpoint."""
    return Token(
        value=str(answer["access_token"]),
        expires_at=_end(answer.get("expires_in"), now),
        instance_url=str(answer.get("instance_url") or ""),
        refresh_token=str(answer.get("refresh_token") or ""),
    )


def credential_unusable(provider: str, error: Exception) -> ProviderError:
    """Return the error of a credential that no request can be made from."""
    raw = own_error(provider, "CredentialUnusable", f"{type(error).__name__}: {error}")
    return ProviderError(raw, "credential_unusable")


def _end(seconds: Any, now: datetime) -> datetime | None:
    """Return when a token ends; None, so that its refusal will tell, if that can't be read."""
    try:
        return now + timedelta(seconds=float(seconds)) if seconds else None
    except (TypeError, ValueError, OverflowError):
        return None


def _token_form(
    work: PassWork, access: Access, addresses: ProviderAddresses, now: datetime
) -> dict[str, str]:
    if access.grant == Grant.REFRESH_TOKEN:
        return _refresh_form(access)
    if access.grantor is None:
        raise ValueError(f"the organization has no {access.provider} credential")
    is_google = access.provider == Provider.GOOGLE
    return assertion_form(
        access.provider,
        client_id=access.grantor.client_id,
        secret=decrypt(access.grantor.secret),
        subject=work.email if is_google else work.salesforce_username,
        addresses=addresses,
        now=now,
    )


def assertion_form(
    provider: str,
    *,
    client_id: str,
    secret: str,
    subject: str,
    addresses: ProviderAddresses,
    now: datetime,
) -> dict[str, str]:
    """Return the request with which an organization's app asks for a token of one of its people.

    Raises one of UNUSABLE where `secret` isn't what it should be.
    """
    issued = int(now.timestamp())
    times = {"iat": issued, "exp": issued + ASSERTION_SECONDS[provider]}
    if provider == Provider.GOOGLE:
        account = json.loads(secret)
        who = {"iss": account["client_email"], "sub": subject, "scope": CALENDAR_SCOPE}
        claims = who | {"aud": GOOGLE_AUDIENCE} | times
        key, headers = account["private_key"], {"kid": account.get("private_key_id", "")}
    else:
        audience = f"https://{addresses.salesforce_login_host}"
        claims = {"iss": client_id, "sub": subject, "aud": audience} | times
        key, headers = secret, {}
    assertion = jwt.encode(claims, private_key(key), algorithm="RS256", headers=headers)
    return {"grant_type": JWT_BEARER, "assertion": assertion}


def _refresh_form(access: Access) -> dict[str, str]:
    if access.refresh_token is None or access.grantor is None:
        raise ValueError(f"there is no {access.provider} refresh token or app to use it with")
    form = {
        "grant_type": "refresh_token",
        "refresh_token": decrypt(access.refresh_token),
        "client_id": access.grantor.client_id,
    }
    secret = client_secret(decrypt(access.grantor.secret))
    return form | ({"client_secret": secret} if secret else {})


def client_secret(secret: str) -> str:
    """Return the OAuth client secret in an organization's credential, "" if it holds none.

    It may be the bare secret or Google's client file; a private key is none.
    """
    if secret.startswith("-----BEGIN"):
        return ""
    if not secret.lstrip().startswith("{"):
        return secret
    content = json.loads(secret)
    inner = content.get("web") or content.get("installed") or content
    return str(inner.get("client_secret", ""))


@lru_cache(maxsize=64)
def private_key(pem: str) -> RSAPrivateKey:
    """Return the loaded key; loading costs as much as many signatures. Raises ValueError."""
    key = load_pem_private_key(pem.encode(), password=None)
    if not isinstance(key, RSAPrivateKey):
        raise ValueError("the credential's key is not an RSA key")
    return key


def token_answer(
    provider: str, form: dict[str, str], *, addresses: ProviderAddresses, transport: Transport
) -> dict[str, Any]:
    """Send a request to the provider's token endpoint; return its answer, which has a token.

    Raises ProviderError.
    """
    if provider == Provider.GOOGLE:
        url, adapter = addresses.google_token_url, transport.token_adapter
    else:
        url = f"https://{addresses.salesforce_login_host}/services/oauth2/token"
        adapter = transport.salesforce_adapter
    operation = f"{provider}.token"
    adapter.last = None
    try:
        # A redirect here leads to a page for people, never to a token.
        response = transport.session.post(url, data=form, allow_redirects=False)
        answer = response.json() if response.status_code == 200 else None
    except requests.RequestException as error:
        raise provider_error(
            adapter.last, provider=provider, operation=operation, error=error
        ) from error
    if not isinstance(answer, dict) or not isinstance(answer.get("access_token"), str):
        raise provider_error(adapter.last, provider=provider, operation=operation)
    return answer


REFUSING = frozenset(
    {
        *("invalid_grant", "unauthorized_client", "invalid_client", "invalid_client_id"),
        *("access_denied", "inactive_user", "inactive_org", "admin_policy_enforced"),
    }
)


def is_refusal(error: ProviderError) -> bool:
    """Whether the token endpoint itself said no to this grant, this once."""
    answered = error.raw.channel == "oauth-json" and (error.status or 0) in range(400, 500)
    return answered and error.code in REFUSING
