"""Which accesses of a person are to be got anew, and how. Pure."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from monitoring.actions.refusal_places import PLACES

PROVIDERS = ("google", "salesforce")
# What a new access may cure, beside the rules that have a place where it is mended.
CURABLE = {
    "google-access-revoked",
    "google-access-denied",
    "google-scope-missing",
    "salesforce-access-revoked",
    "salesforce-access-denied",
    "salesforce-scope-missing",
    "salesforce-password-expired",
    "salesforce-identity-check",
}
# The rules about an access to a provider: a run that ended by one was let in nowhere.
ACCESS_RULES = {
    provider: frozenset(rule for rule in {*PLACES, *CURABLE} if rule.startswith(provider))
    | {"sync-credential-unreadable"}
    for provider in PROVIDERS
}


class Method(StrEnum):
    """How access is to be got; BEST is by the organization where it can, else by a link."""

    BEST = ""
    ORGANIZATION = "organization"
    LINK = "link"


@dataclass(frozen=True, slots=True)
class ConnectionFacts:
    """A connection as far as it counts here.

    `of_nobody`: at Salesforce, no run can use it because it is not known which user the person is.
    """

    refused: bool
    granted_at: datetime
    of_nobody: bool = False


@dataclass(frozen=True, slots=True)
class ReauthorizationFacts:
    """What decides about one person.

    needs      the providers whose access is to be got anew (`needs_access`)
    acts, asks those at which the organization can act for its people, and can ask them for consent
    invited    whether an invitation of theirs is open
    held_back  whether an incident hits them or a provider they would be asked for
    """

    needs: frozenset[str]
    method: Method
    acts: frozenset[str]
    asks: frozenset[str]
    invited: bool = False
    held_back: bool = False


@dataclass(frozen=True, slots=True)
class Plan:
    """What to do: `mint` by the organization's app, `ask` the person, or leave them out."""

    mint: tuple[str, ...] = ()
    ask: tuple[str, ...] = ()
    left_out: str = ""


def needs_access(
    connection: ConnectionFacts | None,
    provider: str,
    last_rule: str | None,
    last_run_began_at: datetime | None,
) -> bool:
    """Tell whether a provider's access is to be got anew.

    It is where there is none, where it was refused, where it is not known whose it is, and where
    the last run, begun with this very grant, ended by an error about access.
    """
    if connection is None or connection.refused or connection.of_nobody:
        return True
    if last_rule not in ACCESS_RULES[provider] or last_run_began_at is None:
        return False
    return connection.granted_at <= last_run_began_at


def minted_for(method: Method, acts: frozenset[str]) -> frozenset[str]:
    """Return the providers at which access is got by the organization."""
    return frozenset() if method == Method.LINK else acts


def asked_for(method: Method, acts: frozenset[str], asks: frozenset[str]) -> frozenset[str]:
    """Return the providers for which people are asked."""
    return frozenset() if method == Method.ORGANIZATION else asks - minted_for(method, acts)


def reauthorization_of(facts: ReauthorizationFacts) -> Plan:
    """Decide for one person. What can't be got in the chosen way is not got at all.

    Nobody is asked twice, nor during an incident: most accesses come back by themselves then.
    """
    if not facts.needs:
        return Plan(left_out="in_order")
    mint = facts.needs & minted_for(facts.method, facts.acts)
    ask = facts.needs & asked_for(facts.method, facts.acts, facts.asks)
    if not mint and not ask:
        return Plan(left_out="no_app")
    if not mint and facts.invited:
        return Plan(left_out="invited_already")
    if not mint and facts.held_back:
        return Plan(left_out="in_incident")
    return Plan(ordered(mint), () if facts.invited else ordered(ask))


def ordered(providers: Collection[str]) -> tuple[str, ...]:
    return tuple(provider for provider in PROVIDERS if provider in providers)
