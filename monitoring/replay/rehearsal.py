"""A rehearsal: which messages an organization would have been sent, as live, and about whom. Pure.

What runs find is played by the functions that decide it live; what was in force at the time comes
from the scene. Silences, holds and acknowledgements count at the moments at which they did.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from monitoring.alerts.episodes import place_of
from monitoring.alerts.findings import Finding
from monitoring.alerts.kinds import AlertKind, Severity
from monitoring.alerts.matchers import in_force_sentence
from monitoring.alerts.plan_facts import Episode, Message, Name, Target
from monitoring.health.fold import JudgedOutcome
from monitoring.health.shields import provider_of
from monitoring.replay.incident import Incident
from monitoring.replay.notices import Notices, Sent, Who, known_of
from monitoring.replay.numbers import Numbers
from monitoring.replay.people import People
from monitoring.replay.scene import InHand, Part, Scene, Trouble
from monitoring.replay.stage import Stage
from monitoring.replay.watch import is_of_group

# So many people of a message are named.
NAMED = 5
SEVERITIES = {AlertKind.STALLED: Severity.WARNING, AlertKind.REAUTHORIZE: Severity.NOTICE}
PLAYED = frozenset({AlertKind.STALLED, AlertKind.REAUTHORIZE, AlertKind.INCIDENT})


@dataclass(slots=True)
class Count:
    """How many there are, how many of them are silenced, and the others by team."""

    people: int = 0
    silenced: int = 0
    teams: Counter[str] = field(default_factory=Counter)

    def add(self, team: str, *, is_silenced: bool) -> None:
        self.people += 1
        if is_silenced:
            self.silenced += 1
        else:
            self.teams[team] += 1


class RehearsedNotices(Notices):
    """The messages of a rehearsal: people are looked at one by one where it makes a difference."""

    kinds = frozenset(AlertKind)

    def __init__(
        self,
        organization_id: int,
        targets: Collection[Target],
        numbers: Numbers,
        scene: Scene,
        service: Collection[Target] = (),
    ) -> None:
        super().__init__(organization_id, targets, numbers)
        self._targets[None] = tuple(service)
        self._scene = scene
        self._people: People | None = None
        self._incidents: list[Incident] = []
        self._rules: dict[int, str] = {}
        # The last moment at which it was asked what is silenced, and what.
        self._silences: tuple[datetime, str] | None = None

    def next_message(self, now: datetime) -> datetime | None:
        moments = (super().next_message(now), self._scene.next_turn(now))
        return min((moment for moment in moments if moment is not None), default=None)

    def tick(self, people: People, incidents: Iterable[Incident], now: datetime) -> None:
        """Bring the episodes up to date and send what is due."""
        self._people = people
        incidents = self._incidents = list(incidents)
        findings = [
            *self._found_alone(people, incidents, now),
            *(self._found_incident(people, incident, now) for incident in incidents),
            *(each.finding for each in self._scene.found if each.time.holds(now)),
        ]
        if findings or self._live:
            self.hear(findings, now)

    def _found_alone(
        self, people: People, incidents: Sequence[Incident], now: datetime
    ) -> Iterator[Finding]:
        if not people.causes:
            return
        absorbed = set().union(*map(through, incidents))
        if not absorbed and self._scene.is_plain(now):
            counts: Mapping[str, Count] = {
                cause: Count(number) for cause, number in people.causes.items() if number
            }
        else:
            counts = self._counts(people, absorbed, now)
        for cause, count in sorted(counts.items()):
            asks = cause in self._scene.asking
            kind = AlertKind.REAUTHORIZE if asks else AlertKind.STALLED
            if not count.people:
                yield from self.absorbed(kind, cause)
                continue
            finding = self._finding(kind, cause, SEVERITIES[kind], count, weight=count.people)
            if cause == "silent":
                finding = self._with_engine(finding, people, now)
            yield finding if self._goes_on(finding) else self._with_beginning(finding, people, now)

    def _with_engine(self, finding: Finding, people: People, now: datetime) -> Finding:
        scene, alone = self._scene, list(self._alone(people, finding.cause, now))
        told = [each for each in alone if not scene.is_silenced(trouble_of(people, each), now)]
        return replace(finding, facts={"runs_here": not scene.here.isdisjoint(told or alone)})

    def _goes_on(self, finding: Finding) -> bool:
        place = place_of(finding)
        live = (each for each in self._live.values() if each.ended_at is None)
        return any(known_of(each).place == place for each in live)

    def _with_beginning(self, finding: Finding, people: People, now: datetime) -> Finding:
        """Say since when the first of its people is stalled, or is again and not switched off."""
        alone = self._alone(people, finding.cause, now)
        since = (self._stalled_since(people, person, now) for person in alone)
        return replace(finding, began_at=min(since, default=None))

    def _stalled_since(self, people: People, person: int, now: datetime) -> datetime:
        since = people.known[person].facts.status_since
        on_again = self._scene.off_until(person, now)
        return since if on_again is None else max(since, on_again)

    def _alone(self, people: People, cause: str, now: datetime) -> Iterator[int]:
        """Yield who is stalled for a cause, not switched off, and not told of with an incident."""
        absorbed = set().union(*map(through, self._incidents))
        for person, theirs in people.stalled.items():
            if theirs == cause and person not in absorbed and not self._scene.is_off(person, now):
                yield person

    def _counts(
        self, people: People, absorbed: Collection[int], now: datetime
    ) -> Mapping[str, Count]:
        counts: defaultdict[str, Count] = defaultdict(Count)
        for person, cause in people.stalled.items():
            if self._scene.is_off(person, now):
                continue
            count = counts[cause]
            if person not in absorbed:
                silenced = self._scene.is_silenced(trouble_of(people, person), now)
                count.add(self._scene.teams.get(person, ""), is_silenced=silenced)
        return counts

    def _found_incident(self, people: People, incident: Incident, now: datetime) -> Finding:
        if incident.number not in self._rules:
            self._rules[incident.number] = rule_of(people, incident)
        rule = self._rules[incident.number]
        count, recorded = Count(len(incident.everybody)), self._recorded(incident)
        if not self._scene.is_plain(now):
            count = Count()
            for person in incident.everybody:
                silenced = any(
                    self._scene.is_silenced(Trouble(person, cause, incident.provider), now)
                    for cause in {rule, people.known[person].facts.standing.cause}
                )
                count.add(self._scene.teams.get(person, ""), is_silenced=silenced)
        return replace(
            self._finding(
                AlertKind.INCIDENT,
                str(incident.number),
                Severity.CRITICAL,
                count,
                weight=incident.share,
            ),
            began_at=incident.began_at,
            ended_at=incident.closed_at,
            is_part=recorded is not None and recorded.is_part,
            incident_id=None if recorded is None else recorded.incident_id,
            facts={"provider": incident.provider, "rule": rule},
        )

    def _finding(
        self, kind: AlertKind, cause: str, severity: Severity, count: Count, *, weight: float
    ) -> Finding:
        return Finding(
            kind,
            self.organization_id,
            cause,
            severity,
            count.people,
            count.silenced,
            weight,
            teams=dict(count.teams) if self._scene.is_by_team else {},
        )

    def _recorded(self, incident: Incident) -> Part | None:
        """Return the incident as it was recorded at the time, if it was found then."""
        return next(
            (
                each
                for each in self._scene.incidents
                if each.provider == incident.provider
                and each.time.overlaps(incident.began_at, incident.closed_at)
            ),
            None,
        )

    def acknowledged_at(self, episode: Episode, now: datetime) -> datetime | None:
        in_hand = self._in_hand(episode, now)
        return None if in_hand is None else in_hand.acknowledged_at

    def _in_hand(self, episode: Episode, now: datetime) -> InHand | None:
        """Return the last acknowledgement of an episode by then."""
        provider = self._findings[episode.key].facts.get("provider", "")
        found = (
            each
            for each in self._scene.in_hand
            if each.acknowledged_at <= now
            and each.kind == episode.kind
            and (each.cause == episode.cause or (provider and each.provider == provider))
            and each.time.overlaps(episode.began_at, episode.ended_at)
        )
        return max(found, key=lambda each: each.acknowledged_at, default=None)

    def sent_at(self, now: datetime, message: Message, episode: Episode) -> Sent:
        return replace(
            super().sent_at(now, message, episode),
            who=self._who(episode, message, now),
            in_hand=self._in_hand(episode, now),
            silences=self._silences_at(now),
        )

    def _silences_at(self, now: datetime) -> str:
        """Return how many silences are in force, and whom they mute; empty for none."""
        silences, people = self._scene.silences_at(now), self._people
        if not silences or people is None:
            return ""
        if self._silences is None or self._silences[0] != now:
            everybody = self._scene.everybody | people.known.keys()
            troubles = (self._trouble(people, person, now) for person in everybody)
            muted = sum(self._scene.is_silenced(trouble, now) for trouble in troubles)
            self._silences = now, in_force_sentence(silences, muted)
        return self._silences[1]

    def _trouble(self, people: People, person: int, now: datetime) -> Trouble:
        """Return what is the matter with anybody, also of whom no run is heard."""
        found = trouble_of(people, person) if person in people.known else Trouble(person, "", "")
        return replace(found, cause="held") if self._scene.is_off(person, now) else found

    def _who(self, episode: Episode, message: Message, now: datetime) -> Who:
        """Return whom a message names: who waits longest, of the teams it is about."""
        if episode.organization_id is None:
            return Who()
        if episode.kind not in PLAYED or episode.ended_at is not None:
            return Who()
        teams = self._scene.teams
        concerned = sorted(
            (missing_since(people, person), person)
            for people, person, trouble in self._concerned(episode, now)
            if not message.teams or teams.get(person, "") in message.teams
            if not self._scene.is_silenced(trouble, now)
        )
        named = tuple(person for _, person in concerned[:NAMED])
        return Who(named, concerned[0][0] if concerned else None)

    def _concerned(self, episode: Episode, now: datetime) -> Iterator[tuple[People, int, Trouble]]:
        """Yield those who wait for the end of an episode, with the people they belong to."""
        people = self._people
        if people is None:
            return
        if episode.kind == AlertKind.INCIDENT:
            for incident in self._incidents:
                if str(incident.number) == episode.cause:
                    rule = self._rules[incident.number]
                    for person in incident.waiting:
                        yield people, person, Trouble(person, rule, incident.provider)
            return
        for person in self._alone(people, episode.cause, now):
            yield people, person, trouble_of(people, person)


class Rehearsal(Stage):
    """A stage on which the outcomes of an organization are played, and messages come about."""

    notices: RehearsedNotices

    def __init__(
        self,
        *,
        organization_id: int,
        targets: Collection[Target],
        scene: Scene,
        numbers: Numbers,
        service: Collection[Target] = (),
        since: datetime,
    ) -> None:
        super().__init__(numbers=numbers, targets=targets, organization_id=organization_id)
        self.notices = RehearsedNotices(organization_id, targets, numbers, scene, service)
        self._next_tick = since
        self.outcomes = 0

    def play(self, person_id: int, outcome: JudgedOutcome) -> None:
        """Let time pass up to an outcome, and take it in; outcomes come in order of time."""
        if self._next_tick <= outcome.finished_at:
            self._next_tick = self.pass_time(self._next_tick, outcome.finished_at)
        self.take(person_id, outcome)
        self.outcomes += 1

    def finish(self, until: datetime) -> None:
        """Let time pass up to the end."""
        self.pass_time(self._next_tick, until)

    def forget_changes(self) -> None:
        """Drop what has changed of everybody so far, which no result needs."""
        for known in self.people.known.values():
            known.changes.clear()


def through(incident: Incident) -> set[int]:
    """Return those who are told of with an incident: who waits for its end, or to be recovered."""
    return incident.waiting if incident.is_open else incident.to_recover | incident.under_way


def missing_since(people: People, person: int) -> datetime:
    """Return since when somebody has had no good run."""
    known = people.known[person].facts
    runs = known.runs
    return runs.last_success_at or runs.awaiting_since or runs.failing_since or known.status_since


def trouble_of(people: People, person: int) -> Trouble:
    cause = people.known[person].facts.standing.cause
    return Trouble(person, cause, provider_of(people.runs(person).last_signature))


def rule_of(people: People, incident: Incident) -> str:
    """Return the rule that most errors of an incident's group were judged by; empty for none."""
    rules = Counter(
        runs.last_rule
        for person in people.failing
        if is_of_group((runs := people.runs(person)).last_signature, incident.finding)
        and runs.last_rule
    )
    return min(rules, key=lambda rule: (-rules[rule], rule), default="")


def mails_of(sent: Iterable[Sent]) -> dict[tuple[datetime, Name], list[Sent]]:
    """Return what was sent as the mails it made: all of one moment to one recipient is one."""
    mails: defaultdict[tuple[datetime, Name], list[Sent]] = defaultdict(list)
    for each in sent:
        mails[each.at, each.message.recipient].append(each)
    return dict(mails)
