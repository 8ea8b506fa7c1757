"""The numbers a stage is run with: those in force where nobody has set others. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from monitoring.alerts.plan_facts import Waits
from monitoring.health.fold import PolicyFacts
from monitoring.incidents.detection import Thresholds
from monitoring.incidents.recovery import Pace


@dataclass(frozen=True, slots=True)
class Numbers:
    """All that an organization or the operator can set; `tick` is in seconds.

    `own_intervals` are the base intervals, by person id, of those who have one of their own. They
    hold for all the time that is played: when they were given is not looked up.
    """

    policy: PolicyFacts = field(default_factory=PolicyFacts)
    own_intervals: Mapping[int, int] = field(default_factory=dict)
    thresholds: Thresholds = field(default_factory=Thresholds)
    pace: Pace = field(default_factory=Pace)
    waits: Waits = field(default_factory=Waits)
    tick: int = 30
