"""What the console says of mails. Pure."""

from __future__ import annotations

from monitoring.alerts.delivery import KEPT_HERE
from monitoring.alerts.models import MessageState
from monitoring.console.moments import counted
from monitoring.console.wording import Look

STATES = {
    MessageState.QUEUED: Look("Waiting", "recovering", "brand"),
    MessageState.SENDING: Look("Being sent", "recovering", "brand"),
    MessageState.SENT: Look("Sent", "healthy", "success"),
    MessageState.FAILED: Look("Not delivered", "stalled", "error"),
    MessageState.WITHDRAWN: Look("Withdrawn", "disabled", "neutral"),
}
TRYING = Look("Tried again later", "degraded", "warning")
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
        return f"{counted(failed, 'mail')} could not be delivered"
    if waiting:
        return f"{counted(waiting, 'mail')} {'waits' if waiting == 1 else 'wait'} to be sent"
    if not known:
        return "No mail yet"
    return "Mails are kept here" if kept else "Every mail went out"


def tries(attempts: int) -> str:
    return counted(attempts, "try", "tries") if attempts else "none yet"
