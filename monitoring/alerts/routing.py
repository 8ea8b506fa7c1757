"""Who is told of what: from routes and recipients to the targets of a plan. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from monitoring.alerts.hours import Hours
from monitoring.alerts.kinds import AlertKind, Severity
from monitoring.alerts.plan_facts import Target

# The values of models.Audience.
ADMINS = "admins"
SUPPORT = "support"
CHOSEN = "chosen"
# How grave an alert of each kind can be: of an organization, and of those that are for support.
OF_ORGANIZATIONS: Mapping[AlertKind, Collection[Severity]] = {
    AlertKind.INCIDENT: (Severity.CRITICAL,),
    AlertKind.STALLED: (Severity.WARNING,),
    AlertKind.COVERAGE: (Severity.WARNING, Severity.CRITICAL),
    AlertKind.REAUTHORIZE: (Severity.NOTICE,),
    AlertKind.UNRECOGNISED: (Severity.NOTICE,),
    AlertKind.RULE_CHANGE: (Severity.NOTICE,),
}
OF_SERVICE: Mapping[AlertKind, Collection[Severity]] = {
    AlertKind.SERVICE: (Severity.CRITICAL,),
    AlertKind.INCIDENT: (Severity.CRITICAL,),
    AlertKind.RULE_CHANGE: (Severity.NOTICE,),
}


@dataclass(frozen=True, slots=True)
class RecipientFacts:
    """Somebody, or something, that may be told, as it stands now.

    `name` is what the console calls it. `is_admin`: an owner or admin of the organization;
    `is_support`: of the service's support staff. Who is not subscribed is told of nothing, nor is
    an address that has not confirmed.
    `told_at` is the last message to the address, whichever organization it was of.
    """

    id: int
    organization_id: int | None = None
    name: str = ""
    address: str = ""
    channel: str = "mail"
    user_id: int | None = None
    is_admin: bool = False
    is_support: bool = False
    is_subscribed: bool = True
    is_confirmed: bool = True
    hours: Hours = field(default_factory=Hours)
    told_at: datetime | None = None

    @property
    def hears(self) -> bool:
        return self.is_subscribed and self.is_confirmed


@dataclass(frozen=True, slots=True)
class RouteFacts:
    """A route; the fields are those of models.Route. Built-in ones have no id."""

    name: str
    id: int | None = None
    kinds: frozenset[AlertKind] = frozenset()
    least: Severity = Severity.NOTICE
    teams: frozenset[str] = frozenset()
    audience: str = ADMINS
    recipients: frozenset[int] = frozenset()
    after: int = 0
    is_service: bool = False


def targets_by(
    routes: Sequence[RouteFacts], recipients: Mapping[int, RecipientFacts]
) -> list[Target]:
    """Return the targets of one organization's, or the service's, routes, in their order.

    `recipients` are the same organization's, by id.
    """
    return [
        target_of(route, recipient)
        for route in routes
        for recipient in audience_of(route, recipients)
    ]


def audience_of(
    route: RouteFacts, recipients: Mapping[int, RecipientFacts]
) -> list[RecipientFacts]:
    """Return whom a route has told, by id."""
    return [
        recipients[key]
        for key in sorted(recipients)
        if recipients[key].hears and is_for(route, recipients[key])
    ]


def is_for(route: RouteFacts, recipient: RecipientFacts) -> bool:
    """Tell whether a recipient belongs to the audience of a route, told or not."""
    if route.audience == CHOSEN:
        return recipient.id in route.recipients
    return recipient.is_support if route.audience == SUPPORT else recipient.is_admin


def target_of(route: RouteFacts, recipient: RecipientFacts) -> Target:
    return Target(
        recipient=recipient.id,
        route=route.id,
        kinds=route.kinds,
        least=route.least,
        teams=route.teams,
        after=route.after,
        hours=recipient.hours,
        told_at=recipient.told_at,
        is_service=route.is_service,
        address=address_of(recipient),
    )


def address_of(recipient: RecipientFacts) -> str:
    """Return what two recipients may share; a chat or a webhook is one for itself."""
    return recipient.address if recipient.channel == "mail" else ""


def last_words(
    targets: Iterable[Target], recipients: Mapping[int, RecipientFacts], told: Collection[int]
) -> list[Target]:
    """Return targets that hear of ends only: who was told of a beginning and has no route now."""
    routed = {target.recipient for target in targets}
    gone = (recipients[key] for key in sorted(told) if key in recipients and key not in routed)
    return [
        Target(
            each.id,
            hours=each.hours,
            told_at=each.told_at,
            address=address_of(each),
            only_ends=True,
        )
        for each in gone
        if each.hears
    ]


def without_doubles(
    service: Iterable[Target], own: Sequence[Target], addresses: Mapping[int, str]
) -> list[Target]:
    """Return the service's targets, narrowed to ends where an organization's own say it all.

    Who belongs to the support staff and to an organization would else be told twice of all of it.
    `addresses` are those of mail recipients.
    """
    by_address: defaultdict[str, list[Target]] = defaultdict(list)
    for target in own:
        address = addresses.get(int(target.recipient))
        if address is not None:
            by_address[address].append(target)
    return [
        replace(target, only_ends=True)
        if any(
            covers(each, target) for each in by_address[addresses.get(int(target.recipient), "")]
        )
        else target
        for target in service
    ]


def covers(target: Target, other: Target) -> bool:
    """Tell whether a target is told of all that another one is, and no later."""
    if target.only_ends or target.teams:
        return False
    has_kinds = not target.kinds or (bool(other.kinds) and other.kinds <= target.kinds)
    return has_kinds and target.least <= other.least and target.after <= other.after


def untold(
    routes: Sequence[RouteFacts],
    recipients: Mapping[int, RecipientFacts],
    possible: Mapping[AlertKind, Collection[Severity]] = OF_ORGANIZATIONS,
) -> list[tuple[AlertKind, Severity]]:
    """Return of which alerts, among those that are possible, nobody would be told, gravest first.

    A delay leaves nothing untold; a route to some teams does, as it is silent about the others, and
    about what is of no team.
    """
    heard = [route for route in routes if not route.teams and audience_of(route, recipients)]
    missed = [
        (kind, severity)
        for kind, severities in possible.items()
        for severity in severities
        if not any(is_about(route, kind, severity) for route in heard)
    ]
    return sorted(missed, key=lambda each: -each[1])


def is_about(route: RouteFacts, kind: AlertKind, severity: Severity) -> bool:
    return severity >= route.least and (not route.kinds or kind in route.kinds)
