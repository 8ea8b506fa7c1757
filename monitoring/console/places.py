"""Where an admin mends what this service can't: Salesforce Setup and the Google Admin console."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING

from accounts.models import Provider
from monitoring.errors.rules import Interpretation, Who
from syncing.providers.addresses import ProviderAddresses

if TYPE_CHECKING:
    from accounts.models import Organization
    from monitoring.errors.rules import Rule


@dataclass(frozen=True, slots=True)
class Place:
    """A place at a vendor, to be opened beside the console."""

    words: str
    address: str


def place_for(
    rule: Rule | None, organization: Organization, addresses: ProviderAddresses
) -> Place | None:
    """Return where what the rule is about is mended; None where no admin's place mends it. Pure."""
    if rule is None or (rule.interpretation, rule.who) != (Interpretation.NEEDS_ADMIN, Who.ADMIN):
        return None
    return place_at(rule.providers, organization, addresses)


def place_at(
    providers: Collection[str], organization: Organization, addresses: ProviderAddresses
) -> Place | None:
    """Return the admin's place of the one provider there is; None for none or several. Pure."""
    if set(providers) == {Provider.SALESFORCE}:
        setup = addresses.salesforce_setup(organization.salesforce_host)
        return Place("Open Salesforce Setup", setup)
    if set(providers) == {Provider.GOOGLE}:
        return Place("Open Google Admin", addresses.google_admin)
    return None
