"""What is found to be worth an alert at one moment. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from monitoring.alerts.kinds import AlertKind, Severity

# The fact of how many people an incident hits, where they are all that an alert is about.
ABSORBED = "absorbed"
# The fact of how many are silenced, of what all count as silenced of where the others are too few.
SILENCED = "silenced"


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that goes on and is worth an alert; the fields are those of models.Alert.

    `people` are all, `silenced` ones among them. `began_at` where it is known to be earlier than
    it was found, `ended_at` where the end is known: what is not reported any more ended now.
    `teams` counts people by team without the silenced, and is empty where no route asks for it.
    """

    kind: AlertKind
    organization_id: int | None
    cause: str
    severity: Severity
    people: int = 0
    silenced: int = 0
    weight: float = 0.0
    began_at: datetime | None = None
    ended_at: datetime | None = None
    teams: Mapping[str, int] = field(default_factory=dict)
    is_part: bool = False
    incident_id: int | None = None
    transition: int | None = None
    evidence: tuple[UUID, ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)

    @property
    def provider(self) -> str:
        """Return what makes incidents alike, each of which has a cause of its own; else empty."""
        return self.facts.get("provider", "") if self.kind == AlertKind.INCIDENT else ""


def is_too_little(*, whole_begins: bool, begins: bool, goes_on: bool, was_too_little: bool) -> bool:
    """Tell whether what is left of something without the silenced is too little to be told.

    It is told where it would begin an alert by itself (`begins`). So that one more or less makes no
    difference again and again, it is also told where the whole is by now no more than what
    `goes_on`, and it was not too little before.
    """
    return not (begins or (goes_on and not whole_begins and not was_too_little))
