"""The numbers a stage is run with: those in force where nobody has set others. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field

from monitoring.alerts.plan import Waits
from monitoring.health.fold import PolicyFacts
from monitoring.incidents.detection import Thresholds
from monitoring.incidents.recovery import Pace


@dataclass(frozen=True, slots=True)
class Numbers:
    """All that an organization or the operator can set; `tick` is in seconds."""

    policy: PolicyFacts = field(default_factory=PolicyFacts)
    thresholds: Thresholds = field(default_factory=Thresholds)
    pace: Pace = field(default_factory=Pace)
    waits: Waits = field(default_factory=Waits)
    tick: int = 30
