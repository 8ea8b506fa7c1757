"""What an organization's credential is good for."""

from __future__ import annotations

import json
from dataclasses import dataclass

from accounts.credentials import CredentialUnreadableError, decrypt
from accounts.models import OrganizationCredential, Provider
from syncing.providers.tokens import UNUSABLE, client_secret


@dataclass(frozen=True, slots=True)
class Abilities:
    """Whether a credential can act for the organization's people, and ask them for consent."""

    can_act: bool = False
    can_ask: bool = False


def abilities_of(credential: OrganizationCredential | None) -> Abilities:
    """Return what a credential can do as far as it shows by itself; nothing without one.

    That it looks right does not say that the provider accepts it.
    """
    if credential is None:
        return Abilities()
    try:
        secret = decrypt(credential.secret)
    except CredentialUnreadableError:
        return Abilities()
    if credential.provider == Provider.SALESFORCE:
        # With a code verifier, an app may ask without a secret.
        return Abilities(secret.startswith("-----BEGIN"), bool(credential.client_id))
    try:
        return Abilities(_is_service_account(secret), bool(client_secret(secret)))
    except UNUSABLE:
        return Abilities()


def _is_service_account(secret: str) -> bool:
    if not secret.lstrip().startswith("{"):
        return False
    account = json.loads(secret)
    return bool(account.get("client_email")) and bool(account.get("private_key"))
