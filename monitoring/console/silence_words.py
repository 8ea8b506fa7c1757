"""What the console says of silences. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta, tzinfo
from urllib.parse import urlencode

from monitoring.alerts.matchers import PROVIDERS, Matcher
from monitoring.alerts.mutes import ActiveSilence, Mutes, named
from monitoring.alerts.number_words import counted
from monitoring.console.moments import brief
from monitoring.console.summaries import muted
from monitoring.console.wording import TO
from monitoring.incidents.models import PlannedMaintenance

NOT_SURE = "So many people are a large part of everybody. Tick that you mean it."


def people_query(matcher: Matcher) -> str:
    """Return the query under which the People page lists those who match now."""
    given = {"team": matcher.team, "cause": matcher.cause, "provider": matcher.provider}
    return urlencode({name: value for name, value in given.items() if value})


def window(start: datetime, end: datetime, now: datetime, zone: tzinfo) -> str:
    """Return from when to when: "Sat 22:00 to Sun 02:00", on one day "Sat 02:00" with "06:00"."""
    first, last = start.astimezone(zone), end.astimezone(zone)
    if first.date() != last.date() or end - start >= timedelta(days=1):
        return f"{brief(start, now, zone)} to {brief(end, now, zone)}"
    return f"{brief(start, now, zone)}{TO}{last:%H:%M}"


def plan_sentence(plan: PlannedMaintenance, now: datetime, zone: tzinfo) -> str:
    """Return what is planned: "Salesforce plans maintenance on NA123: Sat 22:00 to Sun 02:00."."""
    where = f" on {plan.instance}" if plan.instance else ""
    when = window(plan.starts_at, plan.ends_at, now, zone)
    return f"{PROVIDERS[plan.provider]} plans maintenance{where}: {when}."


def plan_choice(plan: PlannedMaintenance, now: datetime, zone: tzinfo) -> str:
    """Return a planned maintenance as one of the times to choose from."""
    when = window(plan.starts_at, plan.ends_at, now, zone)
    return f"For the maintenance {PROVIDERS[plan.provider]} plans, {when}"


def mutes_sentence(found: Mutes) -> str:
    """Return whom it would mute: "This mutes 212 people (49 %)."."""
    return f"This mutes {muted(found.people, found.share) if found.people else 'nobody now'}."


def stalled_sentence(found: Mutes) -> str:
    """Return for how many of them an alert is kept back now; empty for nobody."""
    if not found.stalled:
        return ""
    needs = "needs" if found.stalled == 1 else "need"
    return f"{found.stalled:,} of them {needs} attention now."


def reach_sentence(found: Mutes, matcher: Matcher) -> str:
    """Return to how many it may come, where one bad day brings in all."""
    if found.reach <= found.people:
        return ""
    most = muted(found.reach, found.reached_share)
    if matcher.cause:
        return f"Whoever comes to have this reason is muted as well, up to {most}."
    side = {"network": "the network fails", "service": "this service fails"}
    fails = side.get(matcher.provider, f"{PROVIDERS.get(matcher.provider, '')} fails")
    return f"If {fails} for everybody, it mutes {most}."


def names_sentence(found: Mutes) -> str:
    """Return who is muted, the worst off first: "Ada, Ben and 209 more"."""
    return named(found.names, found.people)


def sure_words(found: Mutes | ActiveSilence) -> str:
    """Return what is ticked where a large part of everybody is meant."""
    most = max(found.people, found.reach)
    share = max(found.share, found.reached_share)
    return f"Yes, I mean to mute up to {muted(most, share)}."


def placed_sentence(start: datetime, end: datetime, now: datetime, zone: tzinfo) -> str:
    """Return what came of placing it."""
    if start > now:
        return f"The silence begins by itself: {window(start, end, now, zone)}."
    return f"The silence is in force until {brief(end, now, zone)}, then it is over by itself."


def in_force(active: int, upcoming: int) -> str:
    """Return the first sentence of the page."""
    if active:
        return f"{counted(active, 'silence')} {'is' if active == 1 else 'are'} in force"
    return "Nobody is silenced now" if upcoming else "Nobody is silenced"
