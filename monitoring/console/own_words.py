"""What a person is told of their own syncing. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, tzinfo

from monitoring.actions.own import NO_REASON
from monitoring.alerts.number_words import counted
from monitoring.audit.registry import ACTIONS
from monitoring.console.moments import brief
from monitoring.console.wording import Situation, reason
from monitoring.health.causes import Explanation, explanation_of
from monitoring.intake.volume import Missing

# What touches the person's own syncing; what admins note or mute among themselves does not.
SHOWN = (
    *("person.sync_now", "person.hold", "person.release", "person.interval", "person.undo"),
    *("person.pause", "person.resume"),
    *("person.reauthorize", "person.consent", "person.decline", "invitation.withdraw"),
)
# By whom something is to be done, for classes that the person can't do themself.
ADMIN = "Your Salesforce administrator has to put this right. You need not do anything."
UNDER_WAY = "A sync is under way. This page shows in a moment what came of it."
NOTHING = "You need not do anything; it goes on by itself."
GIVE_ACCESS = "Give access below. That is all it takes."
GIVE_ACCESS_AGAIN = "Give access again below. That is all it takes."


def answer(situation: Situation, *, own_pause: bool, now: datetime, zone: tzinfo) -> str:
    """Return the answer to "is my calendar syncing?"."""
    if situation.status == "healthy":
        return "Yes, your calendar is syncing."
    if situation.status == "disabled":
        return off(situation, own_pause=own_pause, now=now, zone=zone)
    if situation.cause == "never_connected":
        return "Not yet: your calendar is not connected."
    if situation.status == "degraded":
        return f"Your calendar is delayed since {brief(situation.status_since, now, zone)}."
    since = situation.last_success_at or situation.status_since
    return f"No, your calendar has not been syncing since {brief(since, now, zone)}."


def off(situation: Situation, *, own_pause: bool, now: datetime, zone: tzinfo) -> str:
    until = situation.held_until
    end = f" until {brief(until, now, zone)}" if until else ""
    if own_pause:
        return f"You paused syncing{end}."
    return f"Off: {situation.held_by or 'somebody'} switched syncing off{end}."


def missing(situation: Situation, found: Missing | None, now: datetime, zone: tzinfo) -> str:
    """Return what was not copied; empty where nothing is late.

    `found` is what is known of it by the person's usual volume.
    """
    last = situation.last_success_at
    if situation.status == "healthy" or last is None:
        return ""
    sentences = [f"What changed since {brief(last, now, zone)} has not been copied yet."]
    if found and found.estimate:
        meetings = counted(found.estimate, "meeting")
        sentences.append(f"That may be about {meetings}, going by your usual weeks.")
    if situation.status == "disabled":
        sentences.append("It will be, once syncing goes on; nothing is lost.")
    else:
        sentences.append("The next good run copies all of it; nothing is lost.")
    return " ".join(sentences)


def why(
    situation: Situation,
    rules: Mapping[str, Explanation],
    *,
    own_pause: bool,
    now: datetime,
    zone: tzinfo,
) -> tuple[str, str]:
    """Return the reason in short and what it means; empty for who is syncing."""
    if situation.status == "healthy":
        return "", ""
    if situation.status == "disabled":
        given = situation.held_because
        by = "" if own_pause else reason(situation, rules, now, zone)
        return by, "" if given == NO_REASON else f"Reason given: {given}"
    if situation.cause == "incident":
        return "Many people are hit by the same trouble", "It is being looked after."
    found = explanation_of(situation.cause, rules)
    return found.title, found.meaning


def next_step(
    situation: Situation,
    interpretation: str,
    *,
    own_pause: bool,
    may_consent: bool,
    under_way: bool,
) -> str:
    """Return what the person should do.

    `may_consent`: an access is refused or missing and can be given here; `under_way`: a sync is.
    """
    if situation.status == "disabled" and not own_pause:
        return f"Ask {situation.held_by or 'your administrator'} if it should end sooner."
    if situation.status in {"healthy", "disabled"}:
        return ""
    if may_consent:
        never = situation.cause == "never_connected"
        return GIVE_ACCESS if never else GIVE_ACCESS_AGAIN
    if under_way:
        return UNDER_WAY
    needs_admin = situation.status == "stalled" and interpretation in {"needs_admin", "needs_user"}
    if needs_admin or situation.cause == "never_connected":
        return ADMIN
    return NOTHING


TO_YOU = {
    "person.reauthorize": "restored your access, or asked you to give it again",
    "invitation.withdraw": "took back the request to give access",
}


def deed_sentence(author: str, action: str, *, own: bool) -> str:
    """Return what somebody did for the person, or the person themself, as a sentence."""
    words = TO_YOU.get(action, ACTIONS[action])
    return f"{'You' if own else author} {words}"
