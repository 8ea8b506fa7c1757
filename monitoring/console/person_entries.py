"""Single entries of a person's timeline in words. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, tzinfo
from itertools import groupby
from typing import Any
from uuid import UUID

from monitoring.actions.models import Kind, PersonState
from monitoring.alerts.delivery import KEPT_HERE
from monitoring.alerts.models import Alert, MessageState
from monitoring.audit.registry import ACTIONS
from monitoring.console.action_codes import code_words
from monitoring.console.action_words import parameter_lines
from monitoring.console.alert_words import headline, standing
from monitoring.console.attempts import AttemptRow, attempt_row
from monitoring.console.moments import brief, interval
from monitoring.console.rows import Moment, recent
from monitoring.console.wording import Look, look_of
from monitoring.errors.models import Rejudgement
from monitoring.health.causes import Explanation, explanation_of
from monitoring.outcomes.models import Outcome, Result


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the timeline.

    look       of the status or the result it led to; None for what people did
    more       what is said more quietly beneath
    attempt    a run in words
    action     the action it belongs to; `message` likewise the mail, and `alert` the alert
    """

    kind: str
    at: Moment | None
    sentence: str
    look: Look | None = None
    more: str = ""
    attempt: AttemptRow | None = None
    action: int | None = None
    message: int | None = None
    alert: int | None = None


@dataclass(frozen=True, slots=True)
class Reading:
    """What an entry is put into words with."""

    at: datetime
    rules: Mapping[str, Explanation]
    now: datetime
    zone: tzinfo

    @property
    def moment(self) -> Moment | None:
        return recent(self.at, self.now, self.zone)

    def clock(self, text: str | None) -> str:
        """Return a time that the database wrote as text; empty for none."""
        return brief(datetime.fromisoformat(text), self.now, self.zone) if text else ""


# So many runs in a row that changed nothing are told as one.
QUIET_RUNS = 2


def drawn_together(entries: Sequence[Entry]) -> list[Entry]:
    """Return the entries with the good runs in a row that changed nothing drawn into one."""
    drawn: list[Entry] = []
    for quiet, group in groupby(entries, key=is_quiet):
        runs = list(group)
        drawn += [together(runs)] if quiet and len(runs) >= QUIET_RUNS else runs
    return drawn


def is_quiet(entry: Entry) -> bool:
    attempt = entry.attempt
    return (
        attempt is not None
        and attempt.look.word == Result.SUCCESS.label
        and not (attempt.deeds or attempt.problem or attempt.judged_again)
    )


def together(runs: Sequence[Entry]) -> Entry:
    """Return one entry for several, newest first, at the time of the newest."""
    newest, oldest = runs[0], runs[-1]
    since = f"Since {oldest.at.said}" if oldest.at else ""
    sentence = f"{len(runs)} runs got through; nothing had changed"
    return Entry("runs", newest.at, sentence, newest.look, more=since)


Told = Mapping[str, Any]


def entry_of(
    kind: str,
    at: datetime,
    told: Told,
    rules: Mapping[str, Explanation],
    now: datetime,
    zone: tzinfo,
) -> Entry:
    """Return the entry of a row, by what `person_timeline.PARTS` lets it tell."""
    return WRITERS[kind](told, Reading(at, rules, now, zone))


def run(told: Told, reading: Reading) -> Entry:
    names = ("trigger", "result", "rule", "error", "counts")
    outcome = Outcome(
        attempt_id=UUID(told["attempt_id"]),
        finished_at=reading.at,
        **{name: told[name] for name in names},
    )
    again = told["again"]
    if again is not None:
        again = Rejudgement(at=datetime.fromisoformat(again["at"]), rule=again["rule"])
    row = attempt_row(outcome, reading.rules, reading.now, reading.zone, again)
    return Entry("run", reading.moment, row.look.word, row.look, attempt=row)


def change(told: Told, reading: Reading) -> Entry:
    sentence = change_sentence(**told, rules=reading.rules)
    return Entry("change", reading.moment, sentence, look_of(told["to_status"], told["to_cause"]))


def change_sentence(
    from_status: str,
    to_status: str,
    from_cause: str,
    to_cause: str,
    from_interval: int,
    to_interval: int,
    rules: Mapping[str, Explanation],
) -> str:
    """Return one recorded change as a sentence.

    Only changes of status or interval are recorded; the causes say why before and after.
    """
    parts = []
    look = look_of(to_status, to_cause)
    if (from_status, from_cause) != (to_status, to_cause):
        why = explanation_of(to_cause, rules).title if to_cause else ""
        parts.append(f"{look.word}: {why}" if why else f"{look.word} again")
    if from_interval != to_interval:
        parts.append(f"runs {interval(to_interval, from_interval)}")
    sentence = "; ".join(parts) or look.word
    return sentence[:1].upper() + sentence[1:]


def deed(told: Told, reading: Reading) -> Entry:
    sentence = f"{told['author_name']} {ACTIONS[told['action']]}"
    return Entry("deed", reading.moment, sentence)


DID = {
    Kind.SYNC: "asked for a sync",
    Kind.REAUTHORIZE: "re-authorized",
    Kind.HOLD: "switched syncing off",
    Kind.RELEASE: "switched syncing on again",
    Kind.INTERVAL: "changed how often syncing runs",
    Kind.SILENCE: "muted alerts about this person",
    Kind.NOTE: "wrote a note",
    Kind.UNDO: "undid an action",
}


# What is begun and not over yet.
BEGAN = {Kind.REAUTHORIZE: "asked to re-authorize"}

# Of these kinds what was chosen is told; of the others it is in the result.
CHOSEN = {Kind.INTERVAL, Kind.SILENCE, Kind.HOLD}


def act(told: Told, reading: Reading) -> Entry:
    state, kind = PersonState(told["state"]), Kind(told["kind"])
    begun = state in {PersonState.WAITING, PersonState.RUNNING}
    sentence = f"{told['author_name']} {BEGAN.get(kind, DID[kind]) if begun else DID[kind]}"
    if state != PersonState.DONE and not begun:
        sentence += f" ({state.label})"
    why = code_words(kind, state, told["code"], told["detail"], reading.rules)
    chosen = parameter_lines(kind, told["parameters"], reading.now, reading.zone)
    lines = [f"{label} {words}" for label, words in chosen if kind in CHOSEN]
    more = " · ".join(part for part in (told["reason"], *lines, why) if part)
    return Entry("act", reading.moment, sentence, more=more, action=told["action"])


def hold(told: Told, reading: Reading) -> Entry:
    until = reading.clock(told["ends_at"])
    end = f" until {until}" if until else ""
    sentence = f"{told['author_name']} switched syncing off{end}"
    return Entry("hold", reading.moment, sentence, more=told["reason"], action=told["action"])


def release(told: Told, reading: Reading) -> Entry:
    who, hold = told["released_by"], f"the hold by {told['author_name']}"
    sentence = f"{who} released {hold}" if who else f"{hold[:1].upper()}{hold[1:]} ended"
    lifted = told["lifted"] or {"reason": "", "id": None}
    return Entry("release", reading.moment, sentence, more=lifted["reason"], action=lifted["id"])


def message(told: Told, reading: Reading) -> Entry:
    state = MessageState(told["state"])
    sentence = f"Mail to {told['recipient']}: {told['subject']}"
    answer = f" {told['answer']}" if told["answer"] and state != MessageState.SENT else ""
    more = f"{state.label.capitalize()}.{answer}"
    if state == MessageState.SENT and told["answer"] == KEPT_HERE:
        more = "Kept here, because no mail server is set."
    return Entry("message", reading.moment, sentence, more=more, message=told["message"])


def alert(told: Told, reading: Reading) -> Entry:
    """Return the alert that the person was part of."""
    ended_at = told["ended_at"]
    one = Alert(
        **{name: told[name] for name in told if name != "ended_at"},
        began_at=reading.at,
        ended_at=datetime.fromisoformat(ended_at) if ended_at else None,
    )
    sentence = f"Alert: {headline(one, reading.rules)}"
    more = f"Over {standing(one, reading.now, reading.zone)}." if ended_at else ""
    return Entry("alert", reading.moment, sentence, more=more, alert=told["id"])


def note(told: Told, reading: Reading) -> Entry:
    more = [told["author_name"]]
    if told["owner_name"]:
        more.append(f"for {told['owner_name']}")
    if told["due_on"]:
        due = date.fromisoformat(told["due_on"])
        more.append(f"due {due.day} {due:%b %Y}")
    if told["done_at"]:
        more.append("done")
    return Entry("note", reading.moment, told["text"], more=" · ".join(more))


WRITERS: dict[str, Callable[[Told, Reading], Entry]] = {
    "run": run,
    "change": change,
    "deed": deed,
    "act": act,
    "hold": hold,
    "release": release,
    "message": message,
    "alert": alert,
    "note": note,
}
