"""What the console says of mails. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta, tzinfo

from monitoring.alerts.delivery import KEPT_HERE
from monitoring.alerts.mails import moment
from monitoring.alerts.models import Channel, MessageState
from monitoring.alerts.number_words import counted
from monitoring.alerts.outbox import MESSAGE_KINDS
from monitoring.console.wording import Look

STATES = {
    MessageState.QUEUED: Look("Waiting", "recovering", "brand"),
    MessageState.SENDING: Look("Being sent", "recovering", "brand"),
    MessageState.SENT: Look("Sent", "healthy", "success"),
    MessageState.FAILED: Look("Not delivered", "stalled", "error"),
    MessageState.WITHDRAWN: Look("Withdrawn", "disabled", "neutral"),
}
TRYING = Look("Tried again later", "degraded", "warning")
# How each channel looks: its word, and an icon of the design system.
CHANNELS = {
    Channel.MAIL: Look("Mail", "email", "neutral"),
    Channel.CHAT: Look("Chat or paging", "chat", "neutral"),
    Channel.WEBHOOK: Look("Webhook", "link", "neutral"),
}
WITHDRAWN = "What it said had become wrong before it was sent."
WITHDRAWN_ALERT = "What it told was over, muted, or about far fewer people before it was sent."
WRONG_ONES = "What is not so any more is withdrawn instead, and says why."
# Within so long, no time need be named.
SOON = timedelta(minutes=1)
KEPT = Look("Kept here", "healthy", "neutral")


def look_of(state: str, attempts: int, answer: str) -> Look:
    """Return how the state of a mail looks.

    One that waits after a try that failed tells so, and one that no server was there for.
    """
    if state == MessageState.QUEUED and attempts:
        return TRYING
    if state == MessageState.SENT and answer == KEPT_HERE:
        return KEPT
    return STATES[MessageState(state)]


def sentence(*, failed: int, waiting: int, known: bool, kept: bool) -> str:
    """Return the first sentence of the Outbox: what needs somebody comes first."""
    if failed:
        return f"{counted(failed, 'message')} could not be delivered"
    if waiting:
        waits = "waits" if waiting == 1 else "wait"
        return f"Nothing failed, {counted(waiting, 'message')} {waits} to be sent"
    if not known:
        return "No message yet"
    return (
        "Nothing failed, mails are kept here" if kept else "Nothing failed, every message went out"
    )


def occasion(kind: str) -> str:
    """Return what a message was written for."""
    return MESSAGE_KINDS.get(kind, kind)


def answer_of(state: str, kind: str, answer: str) -> str:
    """Return what the server said, or why there was nothing to send any more."""
    if answer == KEPT_HERE:
        return ""
    if state == MessageState.WITHDRAWN and not answer:
        return WITHDRAWN_ALERT if kind.startswith("alert") else WITHDRAWN
    return answer


def promise(at: datetime, now: datetime, zone: tzinfo) -> str:
    """Return when a message goes out that somebody had sent again."""
    if at - now <= SOON:
        return "It is sent again within a minute."
    return f"It is sent again from {moment(at, zone)} on."


def tries(attempts: int) -> str:
    return counted(attempts, "try", "tries") if attempts else "none yet"
