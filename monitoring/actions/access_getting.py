"""Getting accesses for one person by the organization's own apps: ask, prove, then keep.

Asking waits on the network, in a thread that holds no database connection; keeping is one
transaction after it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from django.db import connection

from accounts.models import Grant, OrganizationCredential, Person, Provider
from monitoring.actions.refusals import Refusal, refusal_of
from syncing.grants import connection_refuse, connection_restore
from syncing.providers.sides import Providers
from syncing.providers.tokens import Token, is_refusal
from syncing.providers.wire import ProviderError, own_error
from syncing.proving import ACTING, Account, access_prove, is_account_of, token_mint


@dataclass(frozen=True, slots=True)
class Got:
    """What asking one provider brought: a token and whose it is, or why there is none.

    `refused` means that its token endpoint itself said no.
    """

    provider: Provider
    grant: Grant
    token: Token | None = None
    account: Account | None = None
    refusal: Refusal | None = None
    refused: bool = False


def connection_rest() -> None:
    """Give the thread's database connection back before a long wait; it comes again by itself."""
    if not connection.in_atomic_block:
        connection.close()


def access_get(
    person: Person,
    provider: Provider,
    credential: OrganizationCredential | None,
    providers: Providers,
    now: datetime,
) -> Got:
    """Mint a token for a person and prove by a harmless call that it is theirs. Writes nothing."""
    grant = ACTING[provider]
    minted = False
    try:
        if credential is None:
            raise found(provider, "NoCredential", "the organization has no app there")
        with providers.transport() as transport:
            token = token_mint(
                person=person,
                provider=provider,
                credential=credential,
                addresses=providers.addresses,
                transport=transport,
                now=now,
            )
            minted = True
            account = access_prove(
                provider=provider,
                token=token,
                addresses=providers.addresses,
                transport=transport,
            )
        if not is_account_of(person, provider, account):
            raise found(provider, "WrongAccount", "the access is of another account")
    except ProviderError as error:
        refusal = refusal_of(provider, error.raw, minted=True)
        return Got(provider, grant, refusal=refusal, refused=not minted and is_refusal(error))
    return Got(provider, grant, token=token, account=account)


def found(provider: Provider, name: str, text: str) -> ProviderError:
    return ProviderError(own_error(provider, name, text), name)


def access_keep(person: Person, got: Mapping[Provider, Got], now: datetime) -> list[Provider]:
    """Restore what was proven and note what was refused; return what was restored.

    A connection whose access could not be asked for, or did not prove itself, stays as it was.
    Runs in the caller's transaction.
    """
    restored = []
    for provider, one in got.items():
        if one.token is not None and one.account is not None:
            connection_restore(
                person=person,
                provider=provider,
                grant=one.grant,
                token=one.token,
                account=one.account,
                now=now,
            )
            restored.append(provider)
        elif one.refused and one.refusal is not None and not one.refusal.temporary:
            connection_refuse(person=person, provider=provider, grant=one.grant, now=now)
    return restored
