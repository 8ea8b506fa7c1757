"""Signed links in alerts, which stand in for a sign-in: to acknowledge one, to confirm an
address, and to unsubscribe.

A link holds ids under our signature, so nobody can make one or turn one into another. What it opens
is told by the rows it names: an alert that is over, a recipient who is gone.
"""

from __future__ import annotations

from django.conf import settings
from django.core.signing import BadSignature, Signer, b62_decode, b62_encode
from django.urls import reverse


def acknowledge_link(alert_id: int, recipient_id: int) -> str:
    """Return the address at which a recipient acknowledges an alert."""
    return absolute("alert_ticket", token_of("acknowledge", alert_id, recipient_id))


def unsubscribe_link(recipient_id: int) -> str:
    """Return the address at which a recipient unsubscribes, and subscribes again."""
    return absolute("unsubscribe", token_of("unsubscribe", recipient_id))


def digest_link(recipient_id: int) -> str:
    """Return the address at which a recipient stops digests, and nothing else."""
    return absolute("digest_stop", token_of("digest", recipient_id))


def confirm_link(recipient_id: int) -> str:
    """Return the address at which somebody behind a mail address says that it wants alerts."""
    return absolute("confirm_address", token_of("confirm", recipient_id))


def read_confirm(token: str) -> int | None:
    """Return the id of the recipient in a token of ours, None for any other text."""
    ids = ids_in("confirm", token)
    return ids[0] if ids else None


def read_digest(token: str) -> int | None:
    """Return the id of the recipient in a token of ours, None for any other text."""
    ids = ids_in("digest", token)
    return ids[0] if ids else None


def read_acknowledge(token: str) -> tuple[int, int] | None:
    """Return the ids of alert and recipient in a token of ours, None for any other text."""
    ids = ids_in("acknowledge", token)
    return (ids[0], ids[1]) if ids else None


def read_unsubscribe(token: str) -> int | None:
    """Return the id of the recipient in a token of ours, None for any other text."""
    ids = ids_in("unsubscribe", token)
    return ids[0] if ids else None


def token_of(purpose: str, *ids: int) -> str:
    return signer(purpose).sign("-".join(map(b62_encode, ids)))


def ids_in(purpose: str, token: str) -> list[int]:
    try:
        value = signer(purpose).unsign(token)
    except (BadSignature, UnicodeEncodeError):  # no signature of ours has half a character
        return []
    return [b62_decode(part) for part in value.split("-")]


def signer(purpose: str) -> Signer:
    return Signer(salt=f"monitoring.alerts.tickets.{purpose}", sep=".")


def absolute(name: str, token: str) -> str:
    """Return the address of a page that a token opens."""
    return settings.BASE_URL.rstrip("/") + reverse(name, args=[token])
