"""What the console says of mails. Pure."""

from __future__ import annotations

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


def look_of(state: str, attempts: int) -> Look:
    """Return how the state of a mail looks; one that waits after a try that failed tells so."""
    tried = state == MessageState.QUEUED and attempts > 0
    return TRYING if tried else STATES[MessageState(state)]


def sentence(failed: int, waiting: int, known: bool) -> str:
    """Return the first sentence of the Outbox: what needs somebody comes first."""
    if failed:
        return f"{counted(failed, 'mail')} could not be delivered"
    if waiting:
        return f"{counted(waiting, 'mail')} {'waits' if waiting == 1 else 'wait'} to be sent"
    return "Every mail went out" if known else "No mail yet"


def tries(attempts: int) -> str:
    return counted(attempts, "try", "tries") if attempts else "none yet"
