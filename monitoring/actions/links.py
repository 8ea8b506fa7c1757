"""Signed links that stand in for a sign-in: an invitation's, and the one to a person's own page.

A link holds an id under our signature, so nobody can make one or turn one into another. Whether an
invitation's still opens is told by its row. A person's is good for some days, and as long as they
have the address it was made for.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from django.core.signing import BadSignature, Signer, b62_decode, b62_encode
from django.utils.crypto import constant_time_compare, salted_hmac

from monitoring.alerts.tickets import absolute

if TYPE_CHECKING:
    from accounts.models import Person
    from monitoring.actions.models import Invitation

PERSON_LINK_GOOD_FOR = timedelta(days=7)
# A clock that is behind another's makes no link invalid.
CLOCKS_APART = timedelta(minutes=5)
SEAL_LENGTH = 16


def signer(kind: str) -> Signer:
    return Signer(salt=f"monitoring.actions.links.{kind}", sep=".")


def invitation_link(invitation: Invitation) -> str:
    """Return the address at which the person gives access again."""
    return absolute("invitation", invitation_token(invitation.pk))


def invitation_token(invitation_id: int) -> str:
    return signer("invitation").sign(b62_encode(invitation_id))


def invitation_id_of(token: str) -> int | None:
    """Return the id of the invitation a token of ours stands for, None for any other text."""
    value = unsigned("invitation", token)
    return b62_decode(value) if value else None


def person_link(person: Person, now: datetime) -> str:
    """Return the address of the person's own page, good from now on for some days."""
    return absolute("own_page", person_token(person, now))


def person_token(person: Person, now: datetime) -> str:
    stamp = b62_encode(int(now.timestamp()))
    return signer("person").sign(f"{b62_encode(person.pk)}-{stamp}-{seal_of(person)}")


def seal_of(person: Person) -> str:
    """Return what tells a person's address from an earlier one of theirs."""
    return salted_hmac("monitoring.actions.links.seal", person.email).hexdigest()[:SEAL_LENGTH]


def person_id_of(token: str, now: datetime) -> int | None:
    """Return the id of the person a token of ours stands for, None once it is too old."""
    value = unsigned("person", token)
    if not value:
        return None
    person_id, stamp, _ = parts_of(value)
    age = now - stamp
    return person_id if -CLOCKS_APART <= age <= PERSON_LINK_GOOD_FOR else None


def is_sealed_for(token: str, person: Person) -> bool:
    """Tell whether a token of the person was made when they had the address they have now."""
    *_, seal = parts_of(unsigned("person", token))
    return constant_time_compare(seal, seal_of(person))


def parts_of(value: str) -> tuple[int, datetime, str]:
    """Return whose a person's token is, when it was made, and its seal."""
    person_id, stamp, seal = value.split("-")
    return b62_decode(person_id), datetime.fromtimestamp(b62_decode(stamp), UTC), seal


def unsigned(kind: str, token: str) -> str:
    """Return what was signed; empty where it was not signed by us, or for another purpose."""
    try:
        return signer(kind).unsign(token)
    except (BadSignature, UnicodeEncodeError):  # no signature of ours has half a character
        return ""
