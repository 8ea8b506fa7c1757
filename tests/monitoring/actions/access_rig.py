"""People of a simulated organization whose access was lost, and the deed that gets it back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from accounts.access import Access
from accounts.models import (
    Connection,
    ConnectionState,
    Organization,
    OrganizationCredential,
    Person,
    Provider,
)
from monitoring.actions.deeds import Result
from monitoring.actions.models import Action, ActionPerson, Kind
from monitoring.actions.registry import deed_of
from simulator.world import World
from tests.monitoring.actions.makers import make_access, make_action
from tests.syncing.rig import ADA, Rig

BOTH = tuple(Provider)


@dataclass
class AccessRig:
    """`try_` re-authorizes people and returns what came of the first."""

    rig: Rig
    access: Access

    @property
    def world(self) -> World:
        return self.rig.world

    @property
    def now(self) -> datetime:
        return self.rig.clock()

    @property
    def organization(self) -> Organization:
        return self.ada.organization

    @property
    def ada(self) -> Person:
        return self.rig.people[ADA]

    def lose(self, *providers: Provider, email: str = ADA) -> None:
        """Have the providers refuse what a person's connections hold."""
        lost = Connection.objects.filter(person=self.rig.people[email], provider__in=providers)
        lost.update(
            state=ConnectionState.REFUSED,
            refused_at=self.now - timedelta(hours=2),
            granted_at=self.now - timedelta(days=30),
            access_token=None,
        )

    def connection(self, provider: Provider, email: str = ADA) -> Connection:
        return Connection.objects.get(person=self.rig.people[email], provider=provider)

    def credential(self, provider: Provider) -> OrganizationCredential:
        return OrganizationCredential.objects.get(organization=self.organization, provider=provider)

    def action(self, *emails: str, **given: Any) -> Action:
        """Preview and confirm; nobody's turn has come yet."""
        people = [self.rig.people[email] for email in emails or (ADA,)]
        return make_action(self.access, people, Kind.REAUTHORIZE, now=self.now, **given)

    def members(self, action: Action) -> Sequence[ActionPerson]:
        return list(ActionPerson.objects.filter(action=action).order_by("id"))

    def do(self, action: Action) -> Result:
        members = self.members(action)
        results = deed_of(Kind.REAUTHORIZE).do(action, members, self.now)
        return results[members[0].person_id]

    def try_(self, *emails: str, **given: Any) -> Result:
        return self.do(self.action(*emails, **given))


def make_access_rig(rig: Rig) -> AccessRig:
    return AccessRig(rig, make_access(rig.people[ADA].organization))
