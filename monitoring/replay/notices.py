"""Which messages a stage would send: episodes as they go on, and what is due of them. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from monitoring.alerts.episodes import (
    DAY,
    Begun,
    Ended,
    GoesOn,
    Known,
    Place,
    changes_at,
    flaps_of,
    place_of,
)
from monitoring.alerts.findings import ABSORBED, Finding
from monitoring.alerts.hours import next_awake
from monitoring.alerts.kinds import AlertKind, Severity
from monitoring.alerts.plan import end_due_at, is_reachable, plan_at, told_after
from monitoring.alerts.plan_facts import Episode, Message, Mute, Name, Target, Told
from monitoring.replay.incident import Incident
from monitoring.replay.numbers import Numbers
from monitoring.replay.people import People
from monitoring.replay.scene import InHand

# What a stage can find.
PLAYED_KINDS = frozenset({AlertKind.STALLED, AlertKind.REAUTHORIZE, AlertKind.INCIDENT})
# Everybody here is told of everything.
EVERYBODY = (Target("admin"), Target("support"))


@dataclass(frozen=True, slots=True)
class Who:
    """The first few whom a message is about, who waits longest first, and since when that one."""

    people: tuple[int, ...] = ()
    missing_since: datetime | None = None


@dataclass(frozen=True, slots=True)
class Sent:
    """A message that would have gone out, its episode as it was at that moment, and about whom.

    in_hand    the acknowledgement of it, if there was one
    silences   a sentence on what was muted; empty where nothing was
    """

    at: datetime
    message: Message
    episode: Episode
    finding: Finding
    who: Who = Who()
    in_hand: InHand | None = None
    silences: str = ""


@dataclass(frozen=True, slots=True)
class Kept:
    """A beginning that was kept from somebody, since when, and its episode."""

    at: datetime
    mute: Mute
    episode: Episode
    finding: Finding


class Notices:
    """The episodes of one organization and the messages sent about them.

    sent   in order of time
    kept   beginnings that were not told, each once for each recipient and reason
    """

    kinds: frozenset[AlertKind] = PLAYED_KINDS

    def __init__(self, organization_id: int, targets: Collection[Target], numbers: Numbers) -> None:
        self.organization_id = organization_id
        self._targets: dict[int | None, tuple[Target, ...]] = {organization_id: tuple(targets)}
        self._waits = numbers.waits
        self._live: dict[Name, Episode] = {}
        self._findings: dict[Name, Finding] = {}
        self._told: dict[tuple[Name, Name], Told] = {}
        # By address, which several recipients may share, or else by recipient.
        self._told_at: dict[Name, datetime] = {}
        self._ended: dict[Place, dict[Name, Episode]] = {}
        self._kept: set[tuple[Name, Name, str]] = set()
        self.sent: list[Sent] = []
        self.kept: list[Kept] = []

    def next_message(self, now: datetime) -> datetime | None:
        """Return when, after `now`, a message may come due by the passing of time."""
        known = [self._with_return(each) for each in self._live.values()]
        moments = {moment for each in known for moment in self._moments(each, now)}
        return min((moment for moment in moments if moment > now), default=None)

    def tick(self, people: People, incidents: Iterable[Incident], now: datetime) -> None:
        """Bring the episodes up to date and send what is due."""
        incidents = list(incidents)
        if people.causes or incidents or self._live:
            self.follow(stalled_alone(people, incidents), incidents, now)

    def follow(
        self, stalled: Mapping[str, int], incidents: Collection[Incident], now: datetime
    ) -> None:
        """Do so for people who are stalled and told of one by one, counted by cause."""
        if stalled or incidents or self._live:
            self.hear([*self.stalled(stalled), *map(self.incident, incidents)], now)

    def hear(self, findings: Iterable[Finding], now: datetime) -> None:
        """Bring the episodes up to what is found at `now` and send what is due."""
        findings = list(findings)
        known = [
            known_of(each)
            for each in self._live.values()
            if each.ended_at is None or not self._is_end_told(each)
        ]
        changes = changes_at(known, findings, self.kinds, now)
        for begun in changes.begun:
            self._begin(begun)
        for going_on in changes.going_on:
            self._go_on(going_on)
        for ended in changes.ended:
            self._end(ended)
        self._send(now)
        found = set(map(place_of, findings))
        self._live = {
            key: each
            for key, each in self._live.items()
            if self._is_live(each) or known_of(each).place in found
        }

    def stalled(self, counts: Mapping[str, int]) -> Iterator[Finding]:
        """Yield what people who need a human are worth; none of a cause are all absorbed."""
        for cause, people in sorted(counts.items()):
            if people <= 0:
                yield from self.absorbed(AlertKind.STALLED, cause)
            else:
                yield Finding(
                    AlertKind.STALLED, self.organization_id, cause, Severity.WARNING, people,
                    weight=people,
                )  # fmt: skip

    def absorbed(self, kind: AlertKind, cause: str) -> Iterator[Finding]:
        """Yield what goes on although incidents absorb all its people, as it was."""
        for key, episode in self._live.items():
            place = (episode.organization_id, episode.kind, episode.cause)
            if place == (self.organization_id, kind, cause) and episode.ended_at is None:
                last = self._findings[key]
                yield replace(last, silenced=last.people, teams={}, facts={ABSORBED: last.people})

    def incident(self, incident: Incident) -> Finding:
        """Return what an incident is worth."""
        return Finding(
            AlertKind.INCIDENT,
            self.organization_id,
            str(incident.number),
            Severity.CRITICAL,
            len(incident.everybody),
            weight=incident.share,
            began_at=incident.began_at,
            ended_at=incident.closed_at,
            facts={"provider": incident.provider},
        )

    def sent_at(self, now: datetime, message: Message, episode: Episode) -> Sent:
        """Return a message that goes out, with what it tells of at that moment."""
        return Sent(now, message, episode, self._findings[episode.key])

    def acknowledged_at(self, episode: Episode, now: datetime) -> datetime | None:
        """Return when somebody acknowledged an episode, if they have by `now`."""
        return None

    def _begin(self, begun: Begun) -> None:
        finding, began_at = begun.finding, begun.began_at
        key = f"{finding.kind} {finding.organization_id} {finding.cause} {began_at.isoformat()}"
        ends = [each.ended_at or began_at for each in self._alike(finding)]
        episode = Episode(
            key, finding.organization_id, finding.kind, finding.cause, 0, began_at,
            flaps=flaps_of(ends, began_at),
        )  # fmt: skip
        self._keep(episode, finding)

    def _go_on(self, going_on: GoesOn) -> None:
        episode = self._live[going_on.known.key]
        self._ended.get(like(going_on.finding), {}).pop(episode.key, None)
        self._keep(replace(episode, ended_at=None), going_on.finding)

    def _keep(self, episode: Episode, finding: Finding) -> None:
        self._findings[episode.key] = finding
        self._live[episode.key] = replace(
            episode,
            people=finding.people - finding.silenced,
            severity=finding.severity,
            silenced=finding.silenced,
            is_absorbed=ABSORBED in finding.facts,
            teams=finding.teams,
            weight=finding.weight,
            is_part=finding.is_part,
        )

    def _end(self, ended: Ended) -> None:
        episode = replace(self._live[ended.known.key], ended_at=ended.ended_at)
        self._live[episode.key] = episode
        alike = self._ended.setdefault(like(self._findings[episode.key]), {})
        alike[episode.key] = episode
        for each in list(alike.values()):
            if ended.ended_at - (each.ended_at or ended.ended_at) > DAY:
                del alike[each.key]

    def _alike(self, finding: Finding) -> list[Episode]:
        """Return the episodes like one that ended lately."""
        return list(self._ended.get(like(finding), {}).values())

    def _with_return(self, episode: Episode) -> Episode:
        """Return an episode with what came back of it, if it is over."""
        if episode.ended_at is None:
            return episode
        finding = self._findings[episode.key]
        later = [
            *(each for each in self._alike(finding) if each.began_at > episode.began_at),
            *(
                each
                for each in self._live.values()
                if each.ended_at is None
                and each.began_at > episode.began_at
                and like(self._findings[each.key]) == like(finding)
            ),
        ]
        # As live (`monitoring.alerts.returning`): what may not be told of holds up no end.
        later = [each for each in later if each.people or not each.silenced]
        ends = [each.ended_at for each in later if each.ended_at is not None]
        return replace(episode, is_back=len(ends) < len(later), back_until=max(ends, default=None))

    def _send(self, now: datetime) -> None:
        plan = plan_at(self._in_order(now), self._targets_now(), self._told, now, self._waits)
        for message in plan.messages:
            episode = self._live[message.episode]
            place = (message.episode, message.recipient)
            self._told[place] = told_after(self._told.get(place), message, episode.weight, now)
            self._told_at[self._address_of(message.recipient)] = now
            self.sent.append(self.sent_at(now, message, episode))
        for mute in plan.mutes:
            kept = (mute.episode, mute.recipient, mute.reason)
            if kept not in self._kept:
                self._kept.add(kept)
                episode = self._live[mute.episode]
                self.kept.append(Kept(now, mute, episode, self._findings[episode.key]))

    def _in_order(self, now: datetime) -> list[Episode]:
        """Return the episodes as they count where not all can be told at once."""
        episodes = (
            replace(self._with_return(each), acknowledged_at=self.acknowledged_at(each, now))
            for each in self._live.values()
        )
        return sorted(episodes, key=lambda each: (-each.severity, each.began_at))

    def _targets_now(self) -> dict[int | None, list[Target]]:
        return {
            organization: [replace(each, told_at=self._last_to(each)) for each in targets]
            for organization, targets in self._targets.items()
        }

    def _last_to(self, target: Target) -> datetime | None:
        return self._told_at.get(target.address or target.recipient)

    def _address_of(self, recipient: Name) -> Name:
        targets = (each for targets in self._targets.values() for each in targets)
        found = (each.address for each in targets if each.recipient == recipient)
        return next(found, "") or recipient

    def _is_live(self, episode: Episode) -> bool:
        """Tell whether there may still be something to say of an episode."""
        return episode.ended_at is None or any(not told.is_over for told in self._told_of(episode))

    def _told_of(self, episode: Episode) -> list[Told]:
        targets = self._targets.get(episode.organization_id, ())
        places = ((episode.key, recipient) for recipient in {each.recipient for each in targets})
        return [told for place in places if (told := self._told.get(place)) is not None]

    def _is_end_told(self, episode: Episode) -> bool:
        return any(told.is_over for told in self._told_of(episode))

    def _moments(self, episode: Episode, now: datetime) -> Iterator[datetime]:
        """Yield when something may come due of an episode that does not change."""
        pace = timedelta(seconds=self._waits.pace)
        yield from self._lapses_at(episode, now)
        for target in self._targets.get(episode.organization_id, ()):
            told, last = self._told.get((episode.key, target.recipient)), self._last_to(target)
            for moment in self._due_at(episode, target, told):
                yield moment
                if moment <= now and last is not None:
                    yield last + pace
            if not is_reachable(target.hours, episode, now):
                yield next_awake(target.hours, now) or now + DAY

    def _lapses_at(self, episode: Episode, now: datetime) -> Iterator[datetime]:
        """Yield when an acknowledgement counts no more, and when delays from then on are over."""
        if (acknowledged_at := self.acknowledged_at(episode, now)) is not None:
            lapses_at = acknowledged_at + timedelta(seconds=self._waits.acknowledged)
            targets = self._targets.get(episode.organization_id, ())
            for after in {0, *(target.after for target in targets)}:
                yield lapses_at + timedelta(seconds=after)

    def _due_at(self, episode: Episode, target: Target, told: Told | None) -> Iterator[datetime]:
        waits = self._waits
        if episode.ended_at is not None:
            due_at = end_due_at(episode, waits)
            if told is not None and not told.is_over and due_at is not None:
                yield due_at
        elif told is None:
            yield episode.began_at + timedelta(seconds=waits.opened + target.after)
            if target.after:
                at_once = (each.at_once for each in self._told_of(episode) if each.at_once)
                yield from (at + timedelta(seconds=target.after) for at in at_once)
            yield episode.began_at + timedelta(seconds=waits.flapping)
        else:
            yield told.last_at + timedelta(seconds=waits.grown)
            yield told.last_at + timedelta(seconds=waits.reminder)


def like(finding: Finding) -> Place:
    """Return what episodes that may flap have in common: of incidents their provider."""
    return finding.organization_id, finding.kind, finding.provider or finding.cause


def known_of(episode: Episode) -> Known:
    return Known(
        episode.key,
        episode.organization_id,
        episode.kind,
        episode.cause,
        episode.began_at,
        episode.ended_at,
    )


def stalled_alone(people: People, incidents: Iterable[Incident]) -> Mapping[str, int]:
    """Count the stalled people by cause, without those whom an open incident hits.

    Of a cause whose people it hits all, none.
    """
    hit = {
        person_id
        for incident in incidents
        if incident.is_open
        for person_id in incident.waiting & people.stalled.keys()
    }
    absorbed = Counter(people.stalled[person_id] for person_id in hit)
    return {cause: number - absorbed[cause] for cause, number in people.causes.items() if number}
