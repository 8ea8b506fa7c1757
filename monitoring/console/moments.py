"""Times and spans as a reader says them. Pure: `now` and the zone are passed in."""

from __future__ import annotations

from datetime import datetime, tzinfo

from monitoring.alerts.number_words import counted

MINUTE, HOUR, DAY = 60, 3_600, 86_400
# Months and years are only said of what is long past, where a day more or less is no matter.
MONTH, YEAR = 30 * DAY, 365 * DAY


def seconds_between(start: datetime, end: datetime) -> float:
    return (end - start).total_seconds()


def relative(moment: datetime, now: datetime) -> str:
    """Return "12 min ago", "in 5 h" or "just now"; times are aware."""
    seconds = seconds_between(moment, now)
    if abs(seconds) < MINUTE:
        return "just now" if seconds >= 0 else "in under a minute"
    return f"{span(seconds)} ago" if seconds > 0 else f"in {span(-seconds)}"


def due(moment: datetime, now: datetime) -> str:
    """Return when something planned comes; what is past its time is "due now"."""
    return "due now" if moment <= now else relative(moment, now)


def span(seconds: float) -> str:
    """Return a length of time in its largest unit, rounded down: "59 min", "23 h", "2 days"."""
    if seconds < HOUR:
        return f"{int(seconds // MINUTE)} min"
    if seconds < DAY:
        return f"{int(seconds // HOUR)} h"
    if seconds < 2 * MONTH:
        return counted(int(seconds // DAY), "day")
    if seconds < 2 * YEAR:
        return counted(int(seconds // MONTH), "month")
    return counted(int(seconds // YEAR), "year")


def brief(moment: datetime, now: datetime, zone: tzinfo) -> str:
    """Return the shortest time that cannot be mistaken: "14:05", "Tue 14:05", "3 Nov 14:05"."""
    local, today = moment.astimezone(zone), now.astimezone(zone)
    clock = f"{local:%H:%M}"
    if local.date() == today.date():
        return clock
    # A week away the weekday would be today's again.
    if abs((local.date() - today.date()).days) < 7:
        return f"{local:%a} {clock}"
    year = "" if local.year == today.year else f" {local.year}"
    return f"{local.day} {local:%b}{year} {clock}"


def planned(moment: datetime, now: datetime, zone: tzinfo) -> str:
    """Return the same time within a sentence: "at 14:05", "on Tue at 14:05"."""
    date, _, clock = brief(moment, now, zone).rpartition(" ")
    return f"on {date} at {clock}" if date else f"at {clock}"


def day(moment: datetime, now: datetime, zone: tzinfo) -> str:
    """Return the day alone: "3 Nov", "3 Nov 2025"."""
    local = moment.astimezone(zone)
    year = "" if local.year == now.astimezone(zone).year else f" {local.year}"
    return f"{local.day} {local:%b}{year}"


def exact(moment: datetime, zone: tzinfo) -> str:
    """Return the time in full with the zone's name: for hovering, and for who listens."""
    local = moment.astimezone(zone)
    name = zone_name(zone)
    short = local.tzname() or name
    # Zones without letters of their own answer "+03", which says less than their name.
    where = name if short == name or short[0] in "+-" else f"{short}, {name}"
    return f"{local:%A} {local.day} {local:%B %Y, %H:%M:%S} ({where})"


def zone_name(zone: tzinfo) -> str:
    return str(getattr(zone, "key", zone))


def duration(seconds: int) -> str:
    """Return an interval exactly, in the two largest units it needs: "2 h", "1 h 30 min"."""
    hours, rest = divmod(seconds, HOUR)
    minutes, left = divmod(rest, MINUTE)
    parts = [(hours, "h"), (minutes, "min"), (left, "s")]
    said = [f"{number} {unit}" for number, unit in parts if number]
    return " ".join(said[:2]) or "0 s"


def interval(seconds: int, base: int) -> str:
    """Return how often runs come, and the base where it is another: "every 4 h instead of 2 h"."""
    every = f"every {duration(seconds)}"
    return every if seconds == base else f"{every} instead of {duration(base)}"
