"""What the console says of routes and recipients. Pure."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from monitoring.alerts.default_routes import default_routes
from monitoring.alerts.hours import EVERY_DAY, Hours, is_awake
from monitoring.alerts.item_words import length_of
from monitoring.alerts.kinds import ABOUT_PEOPLE, AlertKind, Severity
from monitoring.alerts.number_words import counted, percent
from monitoring.alerts.routing import ADMINS, SUPPORT, RouteFacts
from monitoring.console.moments import zone_name

if TYPE_CHECKING:
    from monitoring.alerts.alert_policy import AlertPolicyFacts

KIND_WORDS = {
    AlertKind.INCIDENT: "incidents",
    AlertKind.STALLED: "people who stopped syncing",
    AlertKind.REAUTHORIZE: "people who must give access again",
    AlertKind.COVERAGE: "fewer people syncing",
    AlertKind.UNRECOGNISED: "errors no rule knows",
    AlertKind.RULE_CHANGE: "rule changes with a large effect",
    AlertKind.SERVICE: "trouble of the service itself",
}
SEVERITIES = {
    Severity.CRITICAL: "critical alerts",
    Severity.WARNING: "warnings",
    Severity.NOTICE: "notices",
}
LEAST = {
    Severity.NOTICE: "All of them",
    Severity.WARNING: "Warnings and critical alerts",
    Severity.CRITICAL: "Critical alerts only",
}
DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
MINUTE, DAY = 60, 86_400
NAMED = 3


def kind_name(kind: AlertKind) -> str:
    """Return what a kind of alert is called where its name stands alone."""
    return KIND_WORDS[kind][:1].upper() + KIND_WORDS[kind][1:]


def listed(names: Sequence[str], most: int = 0) -> str:
    """Return "Ada", "Ada and Ben", "Ada, Ben and Eve", or with `most` "Ada, Ben and 3 others"."""
    if most and len(names) > most:
        names = [*names[:most], counted(len(names) - most, "other")]
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def route_sentence(route: RouteFacts, names: Sequence[str]) -> str:
    """Return a route as a sentence; `names` are those of the recipients it has chosen."""
    audience = whom(route.audience, names)
    is_one = audience is not None and route.audience not in {ADMINS, SUPPORT} and len(names) == 1
    verb = "is" if is_one else "are"
    told = f"{audience or 'nobody'} {verb} told of {matter(route)}"
    if not audience:
        told = f"nobody is told of {matter(route)}"
    if route.after:
        within = f"within {delay(route.after)} of the first message"
        return f"If nobody acknowledges {within}, {lowered(told)}."
    return f"{told[:1].upper()}{told[1:]}."


def unconfirmed(name: str) -> str:
    """Return the name of an address that is told nothing before somebody there says so."""
    return f"{name} (waits for confirmation)"


def whom(audience: str, names: Sequence[str]) -> str | None:
    if audience == ADMINS:
        return "Owners and admins"
    if audience == SUPPORT:
        return "Support staff"
    return listed(names, NAMED) if names else None


def lowered(told: str) -> str:
    """Return words as they go on after a comma; a name at their beginning stays as it is."""
    is_ours = told.startswith(("Owners and admins ", "Support staff "))
    return told[:1].lower() + told[1:] if is_ours else told


def matter(route: RouteFacts) -> str:
    """Return what a route is about: "everything", "incidents, for the team Sales".

    With teams only those kinds are named whose people are counted by team.
    """
    if not route.teams:
        return about(route.kinds, route.least)
    kinds = route.kinds & ABOUT_PEOPLE
    if route.kinds and not kinds:
        return "nothing, as such alerts are of no team"
    said = about(kinds, route.least) if kinds else f"{about((), route.least)} about people"
    teams = sorted(route.teams)
    return f"{said}, for the {'team' if len(teams) == 1 else 'teams'} {listed(teams)}"


def about(kinds: Collection[AlertKind], least: Severity) -> str:
    if not kinds:
        return {
            Severity.NOTICE: "everything",
            Severity.WARNING: "all warnings and critical alerts",
            Severity.CRITICAL: "all critical alerts",
        }[least]
    said = listed([words for kind, words in KIND_WORDS.items() if kind in kinds])
    return {
        Severity.NOTICE: said,
        Severity.WARNING: f"{said}, from warnings up",
        Severity.CRITICAL: f"{said}, when critical",
    }[least]


def delay(seconds: int) -> str:
    """Return a delay as all lengths are said, to the minute: "30 min", "1 h 30 min", "1 day"."""
    days, rest = divmod(seconds, DAY)
    parts = [length_of(part) for part in (days * DAY, rest) if part >= MINUTE]
    return " ".join(parts) or "0 min"


def hours_words(hours: Hours) -> str:
    """Return when somebody wants to be told, in a few words."""
    days = days_words(hours.days)
    quiet = ""
    if hours.quiet_from and hours.quiet_until:
        quiet = f"quiet {hours.quiet_from:%H:%M} to {hours.quiet_until:%H:%M}"
    if not days and not quiet:
        return "At any time"
    said = ", ".join(part for part in (days, quiet) if part)
    urgent = "critical ones at any time" if hours.urgent_always else "critical ones wait too"
    return f"{said[:1].upper()}{said[1:]} ({zone_name(hours.zone)}), {urgent}"


def days_words(days: Collection[int]) -> str:
    """Return days as people say them, "" for every day: "Mon to Fri", "Mon, Wed"."""
    if set(days) >= EVERY_DAY:
        return ""
    ordered = sorted(days)
    if len(ordered) > 2 and ordered[-1] - ordered[0] == len(ordered) - 1:
        return f"{DAYS[ordered[0] - 1]} to {DAYS[ordered[-1] - 1]}"
    return ", ".join(DAYS[day - 1] for day in ordered)


def asleep(hours: Hours, now: datetime) -> str:
    """Return what is said of somebody who is not told now; "" of others."""
    if is_awake(hours, now):
        return ""
    return "only critical ones now" if hours.urgent_always else "nothing now"


def untold_sentences(missed: Collection[tuple[AlertKind, Severity]]) -> list[str]:
    """Return of what nobody is told, the gravest first: "Nobody is told of critical alerts: …"."""
    sentences = []
    for severity, words in SEVERITIES.items():
        kinds = {kind for kind, grave in missed if grave == severity}
        if kinds:
            named = listed([words for kind, words in KIND_WORDS.items() if kind in kinds])
            sentences.append(f"Nobody is told of {words}: {named}.")
    return sentences


def routes_title(routes: Sequence[RouteFacts], *, is_critical: bool) -> str:
    """Return the first sentence of the page; `is_critical` where something grave is untold."""
    if is_critical:
        return "Nobody is told of some critical alerts"
    if len(routes) == 1 and routes[0] == default_routes(1)[0]:
        return "Owners and admins are told of everything"
    return f"{counted(len(routes), 'route')} {'says' if len(routes) == 1 else 'say'} who is told"


def policy_words(policy: AlertPolicyFacts) -> list[tuple[str, str]]:
    """Return the numbers in force, in words."""
    again = f"Told again every {every(policy.reminder)}, until somebody acknowledges it."
    reminded = f"{again} That holds for 7 days, and for the people who were told of."
    unknown = f"Told when {percent(policy.unknown_share)} of an hour's runs or more end in them."
    points = f"{100 * policy.coverage_drop:.3g} percentage points"
    fewer = f"Told when the share of people who sync falls by {points} within a day."
    asked = "are asked by mail" if policy.asks_people else "are not asked by mail: admins ask them"
    over = f"Told when it has stayed over for {delay(policy.over)}."
    return [
        ("When it begins", waited(policy.opened)),
        ("While it goes on", reminded),
        ("When it is over", over if policy.over else "Told as soon as it is over."),
        ("Errors no rule knows", unknown),
        ("Fewer people syncing", fewer),
        ("The people themselves", f"Those who alone can give access again {asked}."),
    ]


def waited(seconds: int) -> str:
    if not seconds:
        return "Told as soon as it is found, even if it heals a minute later."
    return (
        f"Told when it has lasted for {delay(seconds)}. What heals before that is told to nobody."
    )


def every(seconds: int) -> str:
    said = delay(seconds)
    return said.removeprefix("1 ") if said.count(" ") == 1 else said
