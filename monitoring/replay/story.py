"""A story told: a line an hour, then what 2008 would have done, then how it ended. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from math import ceil
from typing import Any
from zoneinfo import ZoneInfo

from monitoring.alerts.number_words import counted, people_of
from monitoring.replay.recorded import Recording
from monitoring.replay.simulation import Played
from monitoring.replay.stage import Hour, Stage

STATUSES = ("healthy", "degraded", "stalled", "disabled")
HEADING = (
    f"{'hour':<21}{''.join(f'{name:>9}' for name in STATUSES)}   {'interval':<24}incidents, mails"
)
CLOCK = "%a %d %b %H:%M %Z"


@dataclass(frozen=True, slots=True)
class Story:
    """One organization's story, ready to be told. `zone` is where its clocks hang.

    minutes_to_all_healthy    from the end of the trouble; None where there was none, or no end
    max_requests_per_second   to the provider that recovers; None where nobody counted
    """

    title: str
    organization: str
    zone: ZoneInfo
    hours: Sequence[Hour]
    people: int
    disabled: int
    incidents: int
    mails: int
    disabled_in_2008: Mapping[int, datetime]
    minutes_to_all_healthy: int | None
    max_requests_per_second: int | None

    def clock(self, moment: datetime) -> str:
        return moment.astimezone(self.zone).strftime(CLOCK)

    @property
    def disabled_by_hour(self) -> dict[datetime, int]:
        """Count the people whom the rules of 2008 would have switched off, by hour."""
        counts = Counter(
            moment.replace(minute=0, second=0, microsecond=0)
            for moment in self.disabled_in_2008.values()
        )
        return dict(sorted(counts.items()))


def story_of(played: Played) -> Story:
    """Return the story of a scenario."""
    scenario, minutes = played.scenario, played.minutes_to_all_healthy
    return Story(
        title=scenario.title,
        organization="",
        zone=ZoneInfo(scenario.zone),
        hours=played.stage.hours(),
        **counts_of(played.stage),
        disabled_in_2008=played.disabled_in_2008,
        minutes_to_all_healthy=None if minutes is None else ceil(minutes),
        max_requests_per_second=played.max_requests_per_second if scenario.trouble else None,
    )


def story_of_recording(recording: Recording) -> Story:
    """Return the story of recorded outcomes, without the hours in which nothing happened."""
    minutes = recording.minutes_to_all_healthy
    return Story(
        title=f"Recorded outcomes of {recording.organization or 'one organization'}",
        organization=recording.organization,
        zone=ZoneInfo("UTC"),
        hours=list(eventful(recording.stage.hours())),
        **counts_of(recording.stage),
        disabled_in_2008=recording.disabled_in_2008,
        minutes_to_all_healthy=None if minutes is None else ceil(minutes),
        max_requests_per_second=None,
    )


def counts_of(stage: Stage) -> dict[str, int]:
    """Return the fields of a story that count."""
    return {
        "people": len(stage.people),
        "disabled": stage.ever_disabled(),
        "incidents": len(stage.incidents),
        "mails": len(stage.sent),
    }


def eventful(hours: Sequence[Hour]) -> Iterator[Hour]:
    """Yield the hours that brought a run, a message, an incident or another status."""
    statuses: Mapping[str, int] | None = None
    for hour in hours:
        is_quiet = not (hour.runs or hour.sent or hour.opened or hour.closed)
        if not is_quiet or hour.statuses != statuses:
            yield hour
        statuses = hour.statuses


def summary_of(stories: Sequence[Story]) -> dict[str, int | None]:
    """Return the summary of all organizations; its keys are an interface (design §6)."""
    minutes = [story.minutes_to_all_healthy for story in stories if is_to_heal(story)]
    requests = [story.max_requests_per_second for story in stories]
    return {
        "people": sum(story.people for story in stories),
        "disabled": sum(story.disabled for story in stories),
        "incidents": sum(story.incidents for story in stories),
        "mails": sum(story.mails for story in stories),
        "minutes_to_all_healthy": greatest(minutes),
        "max_requests_per_second": greatest(requests),
        "disabled_under_2008_rules": sum(len(story.disabled_in_2008) for story in stories),
    }


def is_to_heal(story: Story) -> bool:
    """Tell whether there was trouble after which everybody was to be well again."""
    return story.incidents > 0 or story.minutes_to_all_healthy is not None


def greatest(values: Sequence[int | None]) -> int | None:
    """Return the greatest value, None if one is not known."""
    known = [value for value in values if value is not None]
    return max(known) if known and len(known) == len(values) else None


def objects(story: Story) -> Iterator[dict[str, Any]]:
    """Yield a JSON object an hour."""
    by_hour = story.disabled_by_hour
    for hour in story.hours:
        switched_off = sum(count for start, count in by_hour.items() if start <= hour.start)
        mails: dict[str, dict[str, int]] = {}
        for (phase, recipient), count in sorted(hour.sent.items()):
            mails.setdefault(phase, {})[recipient] = count
        yield {
            "hour": hour.start.astimezone(story.zone).isoformat(),
            "zone": str(story.zone),
            **({"organization": story.organization} if story.organization else {}),
            "statuses": {name: hour.statuses.get(name, 0) for name in STATUSES},
            "intervals": {str(each): hour.intervals[each] for each in sorted(hour.intervals)},
            "runs": hour.runs,
            "incidents": {"opened": hour.opened, "open": hour.open, "closed": hour.closed},
            "mails": mails,
            "disabled_under_2008_rules": switched_off,
        }


def lines(story: Story) -> Iterator[str]:
    """Yield the lines of a story, without its summary."""
    yield f"{story.title}: {people_of(story.people)}."
    yield ""
    yield HEADING
    for hour in story.hours:
        yield hour_line(story, hour)
    yield ""
    yield from lines_of_2008(story)


def hour_line(story: Story, hour: Hour) -> str:
    statuses = "".join(f"{hour.statuses.get(name, 0):>9}" for name in STATUSES)
    intervals = ", ".join(
        f"{hour.intervals[each]} every {length_of(each)}" for each in sorted(hour.intervals)
    )
    return f"{story.clock(hour.start):<21}{statuses}   {intervals:<30}{events_of(hour)}".rstrip()


def events_of(hour: Hour) -> str:
    told = [
        f"{count} {word}"
        for count, word in ((hour.opened, "opened"), (hour.closed, "closed"), (hour.open, "open"))
        if count
    ]
    for phase in sorted({phase for phase, _ in hour.sent}):
        to = [
            recipient if count == 1 else f"{recipient} ({count})"
            for (of, recipient), count in sorted(hour.sent.items())
            if of == phase
        ]
        told.append(f"mail {phase!r} to {' and '.join(to)}")
    return ", ".join(told)


def length_of(seconds: int) -> str:
    if seconds % 3_600 == 0:
        return f"{seconds // 3_600} h"
    return f"{seconds // 60} min"


def lines_of_2008(story: Story) -> Iterator[str]:
    """Yield what the rules of 2008 would have done with the same outcomes, hour by hour."""
    yield 'The rules of 2008 ("permanent: switch the person off") on the same outcomes:'
    so_far = 0
    for hour, count in story.disabled_by_hour.items():
        so_far += count
        yield f"{story.clock(hour):<21}{count:>9} switched off, {so_far} in all"
    if not story.disabled_in_2008:
        yield "nobody switched off"
        return
    moments = sorted(story.disabled_in_2008.values())
    half = moments[(len(moments) - 1) // 2]
    yield (
        f"{so_far:,} of {people_of(story.people)} switched off between "
        f"{story.clock(moments[0])} and {story.clock(moments[-1])}, half of them by "
        f"{half.astimezone(story.zone):%H:%M}, each until somebody switches them on again."
    )


def sentence(stories: Sequence[Story]) -> str:
    """Return the summary in words."""
    told = summary_of(stories)
    minutes, requests = told["minutes_to_all_healthy"], told["max_requests_per_second"]
    parts = [
        people_of(told["people"] or 0),
        f"{told['disabled']:,} disabled by errors",
        counted(told["incidents"] or 0, "incident"),
        counted(told["mails"] or 0, "mail"),
    ]
    if minutes is not None:
        parts.append(f"everybody healthy {counted(minutes, 'minute')} after the end")
    if requests is not None:
        parts.append(f"at most {counted(requests, 'request')} a second to the provider")
    return f"{'; '.join(parts)}. The rules of 2008: {told['disabled_under_2008_rules']:,} disabled."
