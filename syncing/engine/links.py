"""The engine's own view of a link between two events, and the ids that make creates repeatable."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from enum import StrEnum

from syncing.engine.content import Base


class LinkState(StrEnum):
    """`creating_*` is written before the create is sent: a lost answer is then adopted.

    `private_*`: that side was made private and the other was not; nothing flows between them.
    """

    ACTIVE = "active"
    CREATING_GOOGLE = "creating_google"
    CREATING_SALESFORCE = "creating_salesforce"
    PRIVATE_GOOGLE = "private_google"
    PRIVATE_SALESFORCE = "private_salesforce"


class Origin(StrEnum):
    """Where the event came from; the other side's is our copy. `both`: found on both sides."""

    GOOGLE = "google"
    SALESFORCE = "salesforce"
    BOTH = "both"


@dataclass(frozen=True, slots=True)
class Link:
    """Two events that are one. While one side is private, `base` is what the other one holds.

    `salesforce_id` is empty while the Salesforce event is being created. `id` is the row's.
    """

    google_id: str
    salesforce_id: str
    base: Base
    origin: Origin
    state: LinkState = LinkState.ACTIVE
    google_etag: str = ""
    salesforce_stamp: str = ""
    id: int | None = None

    @property
    def creating(self) -> bool:
        return self.state in (LinkState.CREATING_GOOGLE, LinkState.CREATING_SALESFORCE)

    @property
    def apart(self) -> bool:
        return self.state in (LinkState.PRIVATE_GOOGLE, LinkState.PRIVATE_SALESFORCE)


def google_id_for(person_id: int, salesforce_id: str, taken: str = "") -> str:
    """Return the id under which Google gets the copy of a Salesforce event.

    The same in every attempt, so a create whose answer was lost is met again as a duplicate. An id
    once used stays taken for ever: `taken` is the id of a deleted copy that is to be made anew.
    """
    return _digest(f"google/{person_id}/{salesforce_id[:15]}/{taken}").lower()


def salesforce_key_for(person_id: int, google_id: str) -> str:
    """Return the external id of the Salesforce copy of a Google event."""
    return _digest(f"salesforce/{person_id}/{google_id}").lower()


def _digest(text: str) -> str:
    """160 bits in base32hex, the alphabet of Google's event ids."""
    return base64.b32hexencode(hashlib.sha256(text.encode()).digest()[:20]).decode()
