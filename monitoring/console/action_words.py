"""What the console says of actions, in plain words. Pure but for reading a loaded Action."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, tzinfo
from math import ceil
from typing import Any

from monitoring.actions.models import Action, ActionState, Kind, PersonState
from monitoring.actions.policy import ActionPolicyFacts
from monitoring.alerts.number_words import people_of
from monitoring.console.moments import MINUTE, brief, duration, zone_name
from monitoring.console.wording import Look, lowered


@dataclass(frozen=True, slots=True)
class KindWords:
    """What one kind of action is called. `title` and `button` hold {people}: "3 people".

    does    what happens to each, as sentences that may hold {whose}: "your"
    done    what somebody is for whom it went well, as after "3 people"
    undo    what can be done about it afterwards
    """

    name: str
    title: str
    button: str
    does: tuple[str, ...]
    done: str
    undo: str


KINDS = {
    Kind.SYNC: KindWords(
        "Sync now",
        "Sync {people} now",
        "Sync {people} now",
        (
            "Each gets one run in a lane of its own, so that nobody's planned runs wait.",
            "Who fails is judged as ever; errors switch nobody off.",
        ),
        "synced",
        "A run can't be undone; those not begun yet can be stopped.",
    ),
    Kind.REAUTHORIZE: KindWords(
        "Re-authorize",
        "Re-authorize {people}",
        "Re-authorize {people}",
        (
            "Access is asked for anew, proven with one harmless call, and syncing goes on.",
            "Each person is told by mail who acted for them. Links and history stay.",
        ),
        "re-authorized or asked by mail",
        "It can't be undone: access once proven stays. Links not used yet can be withdrawn.",
    ),
    Kind.HOLD: KindWords(
        "Hold",
        "Hold {people}",
        "Hold {people}",
        ("Syncing is switched off for each, with {whose} name and the reason.",),
        "held",
        "It can be undone: everybody not changed since is as before.",
    ),
    Kind.RELEASE: KindWords(
        "Release",
        "Release {people}",
        "Release {people}",
        ("The hold is lifted and syncing goes on with the next planned run.",),
        "released",
        "It can be undone: everybody not changed since is held again.",
    ),
    Kind.INTERVAL: KindWords(
        "Change interval",
        "Change the interval of {people}",
        "Change {people}",
        ("Runs come at the new interval from the next one on.",),
        "changed",
        "It can be undone: everybody not changed since gets the former interval.",
    ),
    Kind.SILENCE: KindWords(
        "Silence",
        "Silence alerts about {people}",
        "Silence {people}",
        (
            "Nobody is sent alerts about them until then. Syncing and status go on as ever.",
            "Links and answers that somebody asks for are sent all the same.",
        ),
        "silenced",
        "It can be undone, and it ends by itself.",
    ),
    Kind.NOTE: KindWords(
        "Note",
        "Add a note to {people}",
        "Add the note to {people}",
        ("The note stands on the page of each, with {whose} name.",),
        "noted",
        "It can't be undone: what was written stays, and can be ticked off.",
    ),
    Kind.UNDO: KindWords(
        "Undo",
        "Undo for {people}",
        "Undo for {people}",
        ("Who was changed by somebody else since stays as they are.",),
        "restored",
        "An undo can't be undone.",
    ),
}


def kind_title(kind: str) -> str:
    return KINDS[Kind(kind)].name


def does(kind: str, whose: str = "your") -> list[str]:
    """Return what happens to each, in the name of who asks for it: "your", "Casey's"."""
    return [sentence.format(whose=whose) for sentence in KINDS[Kind(kind)].does]


def title(kind: str, people: int) -> str:
    """Return what an action does as a heading: "Hold 3 people"."""
    return KINDS[Kind(kind)].title.format(people=people_of(people))


def button(kind: str, people: int) -> str:
    return KINDS[Kind(kind)].button.format(people=people_of(people))


STATES = {
    ActionState.PREVIEW: Look("Not begun", "never_connected", "neutral"),
    ActionState.APPROVAL: Look("Waits for approval", "degraded", "warning"),
    ActionState.RUNNING: Look("Running", "recovering", "brand"),
    ActionState.DONE: Look("Done", "healthy", "success"),
    ActionState.STOPPED: Look("Stopped", "disabled", "neutral"),
    ActionState.DISCARDED: Look("Discarded", "disabled", "neutral"),
}

NOT_DONE = ("disabled", "neutral")

RESULT_WORDS = {
    PersonState.LEFT_OUT: "Left out",
    PersonState.WAITING: "Waiting",
    PersonState.RUNNING: "Running",
    PersonState.DONE: "Done",
    PersonState.FAILED: "Failed",
    PersonState.SKIPPED: "Nothing to do",
    PersonState.STOPPED: "Stopped before",
}
RESULT_SHAPES = {
    PersonState.LEFT_OUT: ("disabled", "neutral"),
    PersonState.WAITING: ("never_connected", "neutral"),
    PersonState.RUNNING: ("recovering", "brand"),
    PersonState.DONE: ("healthy", "success"),
    PersonState.FAILED: ("stalled", "error"),
    PersonState.SKIPPED: ("disabled", "neutral"),
    PersonState.STOPPED: ("disabled", "neutral"),
}


def result_look(kind: str, state: int) -> Look:
    """Return how the result of one person looks: "Held", "Failed"."""
    its_state = PersonState(state)
    word = RESULT_WORDS[its_state]
    if its_state == PersonState.DONE:
        done = KINDS[Kind(kind)].done
        word = done[:1].upper() + done[1:]
    return Look(word, *RESULT_SHAPES[its_state])


Counts = Mapping[PersonState, int]
# Those whose result is final.
OVER = (PersonState.DONE, PersonState.FAILED, PersonState.SKIPPED, PersonState.STOPPED)


def finished(counts: Counts) -> int:
    """Return how many have their result."""
    return sum(counts.get(state, 0) for state in OVER)


def percent_finished(counts: Counts, people: int) -> int:
    return min(100, 100 * finished(counts) // people) if people else 100


# Those an admin looks for first.
RESULTS_ORDER = (
    PersonState.FAILED,
    PersonState.RUNNING,
    PersonState.WAITING,
    PersonState.DONE,
    PersonState.SKIPPED,
    PersonState.STOPPED,
    PersonState.LEFT_OUT,
)


def result_tabs(
    kind: str, counts: Counts, chosen: PersonState | None = None
) -> list[dict[str, Any]]:
    """Return the results there are, with how many have each; the chosen one in any case."""
    return [
        {
            "state": state.value,
            "look": result_look(kind, state),
            "people": counts.get(state, 0),
            "current": state == chosen,
        }
        for state in RESULTS_ORDER
        if counts.get(state) or state == chosen
    ]


def counts_sentence(kind: str, counts: Counts, asked: int | None = None) -> str:
    """Return what came of it so far: "1,180 synced, 40 failed, 14 to go".

    Of those re-authorized, `asked` had to be asked by mail, where that is known.
    """
    done = counts.get(PersonState.DONE, 0)
    by_mail = min(asked or 0, done)
    said = [
        (done - by_mail, KINDS[Kind(kind)].done if asked is None else "re-authorized"),
        (by_mail, "asked by mail"),
        (counts.get(PersonState.FAILED, 0), "failed"),
        (counts.get(PersonState.SKIPPED, 0), "with nothing to do any more"),
        (counts.get(PersonState.STOPPED, 0), "stopped before their turn"),
    ]
    parts = [f"{people:,} {words}" for people, words in said if people]
    to_go = counts.get(PersonState.WAITING, 0) + counts.get(PersonState.RUNNING, 0)
    if to_go:
        parts.append(f"{to_go:,} to go")
    return ", ".join(parts) or "nobody"


def state_look(state: str, failed: int, *, is_stopping: bool = False) -> Look:
    """Return how an action stands; one that is done with failures says so."""
    its_state = ActionState(state)
    if its_state == ActionState.RUNNING and is_stopping:
        return Look("Stopping", "recovering", "neutral")
    if its_state == ActionState.DONE and failed:
        return Look(f"Done, {failed:,} failed", "degraded", "warning")
    return STATES[its_state]


def action_look(action: Action, failed: int = 0, undone_by: str = "") -> Look:
    """Return how an action stands, with whoever decided that it does not: refused or undone."""
    if action.state == ActionState.DISCARDED and action.confirmed_at:
        if action.second_id is None:
            return Look("Not approved in time", *NOT_DONE)
        is_own = action.second_id == action.author_id
        return Look("Withdrawn" if is_own else f"Refused by {action.second_name}", *NOT_DONE)
    if undone_by and action.state in {ActionState.DONE, ActionState.STOPPED}:
        return Look(f"Undone by {undone_by}", *NOT_DONE)
    return state_look(action.state, failed, is_stopping=action.stopped_by_id is not None)


def heading(kind: str, state: str, people: int) -> str:
    """Return the first sentence of an action's page."""
    if not people:
        return f"{kind_title(kind)}: nobody is left to do it to"
    what = title(kind, people)
    return f"{what}?" if state == ActionState.PREVIEW else what


METHODS = {
    "": "the organization's access where there is one, else a link by mail",
    "organization": "only the organization's access",
    "link": "only links by mail",
}


def parameter_lines(
    kind: str, parameters: Mapping[str, Any], now: datetime, zone: tzinfo
) -> list[tuple[str, str]]:
    """Return what was chosen beside the people, as pairs of a label and words."""
    if kind in {Kind.HOLD, Kind.SILENCE}:
        until = parameters.get("until")
        return [("Until", end_words(until, now, zone))]
    if kind == Kind.INTERVAL:
        seconds = parameters.get("interval")
        return [("Interval", f"every {duration(seconds)}" if seconds else "the organization's")]
    if kind == Kind.NOTE:
        return note_lines(parameters)
    if kind == Kind.REAUTHORIZE:
        lines = [("How", METHODS.get(parameters.get("method", ""), METHODS[""]))]
        message = parameters.get("message")
        return [*lines, ("Message", message)] if message else lines
    return []


def end_words(until: str | None, now: datetime, zone: tzinfo) -> str:
    """Return the end of a hold or silence as after "until"; it is acted on, so the zone is said."""
    if not until:
        return "somebody releases them"
    return f"{brief(datetime.fromisoformat(until), now, zone)} ({zone_name(zone)})"


def note_lines(parameters: Mapping[str, Any]) -> list[tuple[str, str]]:
    lines = [("Note", str(parameters.get("text", "")))]
    if owner := parameters.get("owner_name"):
        lines.append(("Owner", str(owner)))
    if due_on := parameters.get("due_on"):
        day = date.fromisoformat(due_on)
        lines.append(("Due", f"{day.day} {day:%B %Y}"))
    return lines


def takes(kind: str, seconds: float, people_per_second: float) -> str:
    """Return how long it takes, as a sentence."""
    if seconds <= MINUTE:
        return "It takes about a minute." if kind == Kind.SYNC else "It takes a moment."
    length = duration(ceil(seconds / MINUTE) * MINUTE)
    if kind == Kind.SYNC:
        rate = f"{people_per_second * MINUTE:,.0f} a minute"
        return f"About {rate} are begun, so it takes about {length}."
    return f"It takes about {length}."


def approval_sentence(
    action: Action, policy: ActionPolicyFacts, *, others: bool, is_needed: bool, before: int = 0
) -> str:
    """Return whether a second person must approve, and why; `others` are there who could.

    `before` counts other people to whom the author has done the same within a day.
    """
    people, known, share = action.people + before, action.people_known, policy.approval_share
    if not is_needed and people <= share * known:
        return "Nobody else needs to approve it."
    said = f"{people_of(people)} of {known:,} are more than {100 * share:.4g} % of the organization"
    if before:
        said = f"with {before:,} for whom {action.author_name} began the same within a day, {said}"
        said = said if is_needed else said[:1].upper() + said[1:]
    if is_needed:
        return f"It needs a second person: {said}, so another admin, or support, must approve it."
    if people < policy.approval_least:
        return f"{said}, but fewer than {policy.approval_least:,} need nobody else's approval."
    if not others:
        return f"{said}, but nobody else here could approve it, so it goes on without."
    return f"{said}, but this is nothing that needs somebody else's approval."


def over_sentence(kind: str, state: str, counts: Counts) -> str:
    """Return what is said once an action is over."""
    how = "Stopped" if state == ActionState.STOPPED else "Done"
    return f"{how}: {lowered(counts_sentence(kind, counts))}."


def elsewhere_sentence(number: int) -> str:
    """Return how many of those picked are left out because they are strangers."""
    verb = "is" if number == 1 else "are"
    return f"{number:,} of those chosen {verb} not in this organization."


FOR_ONE = {
    Kind.SYNC: "{name} has been synced.",
    Kind.REAUTHORIZE: "{name} is re-authorized.",
    Kind.HOLD: "{name} is held: nothing is synced until {end}.",
    Kind.RELEASE: "{name} is released and syncs again.",
    Kind.INTERVAL: "The interval of {name} is changed.",
    Kind.SILENCE: "Alerts about {name} are silenced.",
    Kind.NOTE: "The note about {name} is written.",
}


def done_for(kind: str, name: str, end: str = "") -> str:
    """Return what is said where an action of one person went well; `end` is as after "until"."""
    return FOR_ONE[Kind(kind)].format(name=name, end=end)


def title_for(kind: str, name: str) -> str:
    """Return what an action of one person does: "Hold Ada Lovelace"."""
    return KINDS[Kind(kind)].title.format(people=name)
