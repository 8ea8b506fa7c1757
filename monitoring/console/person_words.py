"""What a person's page says beside the status: proof, gap, decisions, and the one next step. Pure.

Dictionaries are those of `person_facts.Story`, whose times are text.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Any

from monitoring.alerts.number_words import counted
from monitoring.console.moments import brief, duration
from monitoring.console.rows import Moment, past
from monitoring.console.wording import SIDES
from monitoring.health.causes import Explanation
from monitoring.intake.volume import Missing

Found = Mapping[str, Any]


def at(found: Found, name: str) -> datetime | None:
    """Return a time of a dictionary that the database made."""
    text = found[name]
    return None if text is None else datetime.fromisoformat(text)


def timed(found: Found) -> dict[str, Any]:
    """Return a dictionary with its times read; their names end in "_at"."""
    return {name: at(found, name) if name.endswith("_at") else found[name] for name in found}


@dataclass(frozen=True, slots=True)
class Proof:
    """The rule behind a status, and in `words` the runs that bear it out."""

    rule: str
    title: str
    version: str
    words: str


def proof_of(
    cause: str,
    rules: Mapping[str, Explanation],
    *,
    version: int | None,
    runs: Sequence[datetime],
    confirmed_at: datetime | None,
    now: datetime,
    zone: tzinfo,
) -> Proof | None:
    """Return which rule judged which runs, and since when it is certain; None without a rule.

    A run that an incident explains proves nothing, so what is confirmed was so outside any.
    """
    rule = rules.get(cause)
    if rule is None:
        return None
    words = ""
    if runs:
        clocks = ", ".join(brief(time, now, zone) for time in runs)
        which = "the last run" if len(runs) == 1 else f"the last {counted(len(runs), 'run')}"
        words = f", matched by {which} ({clocks})"
    if confirmed_at:
        words += f", confirmed at {brief(confirmed_at, now, zone)} outside any incident"
    return Proof(cause, rule.title, f", version {version}" if version else "", f"{words}.")


def missing_sentence(missing: Missing | None, now: datetime, zone: tzinfo) -> str:
    """Return what is missing as far as that can be known; else empty."""
    if missing is None:
        return ""
    last, estimate = missing.last_copied_at, missing.estimate
    if last is None:
        if estimate == 0:
            return "Probably nothing: no meeting had to be copied in the four weeks before."
        return ""
    said = f"Last meeting copied {brief(last, now, zone)}"
    if estimate is None:
        return f"{said}."
    if estimate == 0:
        return f"{said}; probably none is missing since (estimate from usual volume)."
    meetings = counted(estimate, "meeting")
    return f"{said}; about {meetings} since may be missing (estimate from usual volume)."


def interval_reason(
    own: int | None, usual: int, by: Found | None, pace: str, now: datetime, zone: tzinfo
) -> str:
    """Return why runs come as often as they do; `pace` says so of who is slowed."""
    if own is None:
        return pace or "The organization's usual interval."
    said = f"{duration(own)} is set for this person" if pace else "Set for this person"
    when = at(by, "at") if by else None
    said += f" by {by['author_name']}" if by else ""
    said += f" {brief(when, now, zone)}" if when else ""
    said += f": {by['reason']}" if by and by["reason"] else ""
    return f"{pace} {ended(said)} The organization's is {duration(usual)}.".strip()


def ended(sentence: str) -> str:
    """Return what somebody wrote as a sentence that ends."""
    return sentence if sentence.endswith((".", "!", "?", "…")) else f"{sentence}."


def silence_sentence(silence: Found | None, now: datetime, zone: tzinfo) -> str:
    """Return until when alerts about the person are muted; empty if they are not."""
    if silence is None:
        return ""
    until = at(silence, "ends_at")
    end = brief(until, now, zone) if until else ""
    said = f"Alerts about this person are muted until {end}, by {silence['author_name']}"
    return ended(f"{said}: {silence['reason']}" if silence["reason"] else said)


INVITED = {
    "waiting": "{who} asked for access again{when}. The mail waits for the end of an incident",
    "sent": "{who} asked for access again{when}. The link was not opened yet",
    "opened": "{who} asked for access again{when}. The link was opened",
    "refused": "{who} asked for access again{when}. They declined, but may change their mind",
}


def invitation_sentence(invitation: Found | None, now: datetime, zone: tzinfo) -> str:
    """Return how an open request to give access again stands; empty without one."""
    if invitation is None:
        return ""
    asked = at(invitation, "sent_at") or at(invitation, "created_at")
    when = f" {brief(asked, now, zone)}" if asked else ""
    said = INVITED[invitation["state"]].format(who=invitation["asked_by_name"], when=when)
    granted, wanted = invitation["granted"], invitation["providers"]
    if granted:
        left = [SIDES[each] for each in wanted if each not in granted]
        said += f"; {', '.join(SIDES[each] for each in granted)} is given"
        said += f", {', '.join(left)} not yet" if left else ""
    expires, reminders = at(invitation, "expires_at"), invitation["reminders"]
    if reminders:
        said += f"; reminded {'once' if reminders == 1 else counted(reminders, 'time')}"
    if expires:
        said += f". It expires {brief(expires, now, zone)}"
    said = ended(said)
    return f"{said} {ended(invitation['refusal'])}" if invitation["refusal"] else said


@dataclass(frozen=True, slots=True)
class HoldRow:
    """A decision that the person must not sync now."""

    author: str
    reason: str
    since: Moment | None
    until: str


HOLD_AUTHORS = {"member": "", "person": ", themself", "offboarding": ", the off-boarding feed"}


def hold_row(hold: Found, now: datetime, zone: tzinfo) -> HoldRow:
    ends_at = at(hold, "ends_at")
    return HoldRow(
        author=f"{hold['author_name']}{HOLD_AUTHORS.get(hold['author_kind'], '')}",
        reason=hold["reason"],
        since=past(at(hold, "started_at"), now, zone),
        until=f"until {brief(ends_at, now, zone)}" if ends_at else "until somebody releases it",
    )


@dataclass(frozen=True, slots=True)
class Step:
    """The one next step: a sentence, and a button where one helps.

    `kind` is a kind of action, or `rules`, `errors` or `incident` for the page that helps; empty
    where there is nothing to press.
    """

    words: str
    kind: str = ""
    button: str = ""


def next_step(
    *,
    cause: str,
    why: Explanation,
    interpretation: str | None,
    grants: Mapping[str, str],
    refused: Collection[str],
    hold_authors: Collection[str],
    invited: bool,
    refusal: str,
) -> Step:
    """Return what an admin does now. `refusal` says why no sync can be asked for, if so.

    `grants` are how the connections there are were granted, by provider; `refused` the providers
    that refused theirs last.
    """
    if not cause:
        return Step("")
    if cause == "held":
        return step_for_held(hold_authors)
    missing = [side for side in SIDES if side not in grants]
    if cause == "never_connected":
        if invited:
            return Step("The person was asked. Nothing to do until they answer.")
        words = f"Connect {' and '.join(SIDES[each] for each in missing)}."
        return Step(words, "reauthorize", "Connect…") if missing else Step(why.next_step)
    if interpretation == "needs_user" or (refused and interpretation == "needs_admin"):
        return step_for_refused(why, grants, refused, invited)
    if cause in {"silent", "overdue"} and not refusal:
        return Step(why.next_step, "sync", "Sync now")
    if cause == "unrecognised":
        return Step(why.next_step, "errors", "Open the unrecognised errors")
    return Step(why.next_step)


def step_for_held(authors: Collection[str]) -> Step:
    if authors and "member" not in authors:
        who = "the person" if "person" in authors else "the off-boarding feed"
        return Step(f"Switched off by {who}. Only they should switch it on again.")
    return Step("Release the hold once its reason is gone.", "release", "Release…")


def step_for_refused(
    why: Explanation, grants: Mapping[str, str], refused: Collection[str], invited: bool
) -> Step:
    """Return the step for an access that was refused: by the organization, or by the person."""
    if invited:
        return Step("The person was asked to give access again. Nothing to do until they answer.")
    concerned = list(refused) or list(grants)
    by_organization = [side for side in concerned if grants.get(side) in {"delegated", "jwt"}]
    if by_organization and len(by_organization) == len(concerned):
        sides = " and ".join(SIDES[side] for side in by_organization)
        words = f"Re-authorize with the organization's {sides} access; the person need do nothing."
        return Step(f"{why.next_step} {words}".strip(), "reauthorize", "Re-authorize…")
    return Step(why.next_step, "reauthorize", "Re-authorize…")
