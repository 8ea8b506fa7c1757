"""What a digest says of its facts, in plain words. Pure."""

from __future__ import annotations

from datetime import timedelta

from monitoring.alerts.digest_facts import AlertLine, DeedLine, IncidentLine, OrganizationFacts
from monitoring.alerts.digest_service import ServiceFacts, Troubled
from monitoring.alerts.digest_times import Period
from monitoring.alerts.item_words import length
from monitoring.alerts.mails import moment
from monitoring.alerts.number_words import counted, people_of, percent
from monitoring.audit.registry import ACTIONS
from monitoring.health.covered import Covered

NOTHING = "nothing needs you"
NO_HOURS = "Nobody was connected yet"
# Less than this is no difference anybody has to hear of.
LEAST_DIFFERENCE = 0.0005


def sentence(facts: OrganizationFacts) -> str:
    """Return the digest in one sentence, which is its subject as well."""
    said = [covered(facts.covered)]
    if facts.incident_count:
        said.append(counted(facts.incident_count, "incident"))
    if facts.people_in_need:
        need = "needs" if facts.people_in_need == 1 else "need"
        said.append(f"{people_of(facts.people_in_need)} {need} you")
    elif not facts.alert_count:
        said.append(NOTHING)
    return ", ".join([*said, *silenced_said(facts.silenced, facts.people_in_need)])


def silenced_said(silenced: int, others: int) -> list[str]:
    """Return how many need somebody, but are silenced, beside others who are not."""
    if not silenced:
        return []
    is_are = "is" if silenced == 1 else "are"
    return [f"{silenced:,} more {is_are} silenced" if others else f"{people_of(silenced)} silenced"]


def covered(hours: Covered) -> str:
    share = hours.now.share
    return NO_HOURS if share is None else f"{percent(share)} of people-hours covered"


def lowered(said: str) -> str:
    """Return a sentence as it goes on after a name."""
    return said[:1].lower() + said[1:]


def compared(facts: OrganizationFacts) -> str:
    """Return how the period compares with the one before; empty where that is not known."""
    before = facts.incidents_before
    then = counted(before, "incident") if before else "no incident"
    return difference_of(facts.covered, facts.period, then)


def difference_of(hours: Covered, period: Period, *also: str) -> str:
    """Return "12.2 points less than the day before, which had 99.4 % and no incident."."""
    now, before = hours.now.share, hours.before.share
    if now is None or before is None:
        return ""
    than = f"the {stretch(period.first - period.before)} before"
    had = [*also] if abs(now - before) < LEAST_DIFFERENCE else [percent(before), *also]
    which = f", which had {' and '.join(had)}" if had else ""
    return f"{difference(now, before)} {than}{which}."


def stretch(length: timedelta) -> str:
    """Return how long a period was, to the day: "day", "3 days", "week"."""
    days = max(1, round(length / timedelta(days=1)))
    return {1: "day", 7: "week"}.get(days, f"{days} days")


def difference(now: float, before: float) -> str:
    if abs(now - before) < LEAST_DIFFERENCE:
        return "As much as"
    points = f"{max(0.1, round(abs(now - before) * 100, 1)):g}"
    unit = "point" if points == "1" else "points"
    return f"{points} {unit} {'more' if now > before else 'less'} than"


def span(period: Period) -> str:
    """Return which time it tells of: "2026-11-19 08:00 to 2026-11-20 08:00 (UTC)"."""
    first = period.first.astimezone(period.zone)
    return f"{first:%Y-%m-%d %H:%M} to {moment(period.end, period.zone)}"


def since(line: AlertLine, period: Period) -> str:
    """Return how many an alert is about, if it is about people, and since when."""
    began = moment(line.began_at, period.zone)
    return f"{people_of(line.people)}, since {began}" if line.people else f"Since {began}"


def incident_said(line: IncidentLine, period: Period) -> str:
    """Return whom an incident hit, when and for how long."""
    began = moment(line.began_at, period.zone)
    hit = f"{people_of(line.people)} hit"
    if line.ended_at is None:
        return f"{hit}, open since {began}"
    return f"{hit}, from {began} for {length(line.began_at, line.ended_at)}"


def deed_said(line: DeedLine) -> str:
    """Return "Ada Lovelace asked for a sync now, 12 times"."""
    times = "" if line.times == 1 else f", {line.times:,} times"
    return f"{authors(line)} {ACTIONS.get(line.action, line.action)}{times}"


def authors(line: DeedLine) -> str:
    if line.authors <= len(line.names):
        return " and ".join(line.names)
    return f"{line.names[0]} and {counted(line.authors - 1, 'other')}"


def errors_said(facts: OrganizationFacts) -> str:
    """Return how many kinds of error no rule knows, and how many of them are new."""
    known = " of error that no rule knows"
    if facts.new_errors == facts.unknown_errors:
        return counted(facts.new_errors, "new kind") + known
    kinds = counted(facts.unknown_errors, "kind") + known
    return f"{kinds}, {facts.new_errors:,} of them new" if facts.new_errors else kinds


def service_sentence(facts: ServiceFacts) -> str:
    """Return the digest of all organizations in one sentence."""
    said = [covered(facts.covered)]
    if facts.covered.now.share is not None:
        said[0] += f" in {counted(facts.organizations, 'organization')}"
    if facts.incident_count:
        said.append(counted(facts.incident_count, "incident"))
    if facts.troubled_count:
        said.append(f"{counted(facts.troubled_count, 'organization')} in trouble")
    elif not facts.alert_count:
        said.append(NOTHING)
    return ", ".join(said)


def troubled_said(troubled: Troubled) -> str:
    """Return what is wrong with an organization, in the order of its weight."""
    said = [covered(troubled.covered)]
    if troubled.incidents:
        going_on = f" ({troubled.open:,} open)" if troubled.open else ""
        said.append(counted(troubled.incidents, "incident") + going_on)
    if troubled.people_in_need:
        need = "needs" if troubled.people_in_need == 1 else "need"
        said.append(f"{people_of(troubled.people_in_need)} {need} somebody")
    said += silenced_said(troubled.silenced, troubled.people_in_need)
    if troubled.alerts:
        said.append(f"{counted(troubled.alerts, 'alert')} not acknowledged")
    return ", ".join(said)
