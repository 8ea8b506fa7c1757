"""Whether outcomes still come in as they should. Pure.

When our own intake stops, people are not silent: nobody can be heard. Then no verdict is given by
the clock, and the console says that statuses may be stale.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import exp, lgamma, log

from monitoring.incidents.detection import Thresholds


@dataclass(frozen=True, slots=True)
class Intake:
    """What was heard of the people of an organization, or of all, within the window.

    people     who should be heard of: the healthy ones, and those late or silent
    expected   how many of them should have run within the window
    heard      how many did
    late       how many of the people are late or silent by now
    """

    people: int
    expected: float
    heard: int
    late: int


def has_dropped(intake: Intake, thresholds: Thresholds) -> bool:
    """Tell whether so little being heard is one cause: far below what should be, or many late.

    Some must be late either way: people who run in step are not heard of between, and need not be.
    """
    few = intake.people < thresholds.few_tried
    least = thresholds.small_people if few else thresholds.people
    if intake.people == 0 or intake.late < least:
        return False
    share = thresholds.small_share if few else thresholds.share
    too_few = intake.heard < thresholds.share * intake.expected
    is_unlikely = at_most_probability(intake.heard, intake.expected) < thresholds.tail
    return (too_few and is_unlikely) or intake.late >= share * intake.people


def is_back(intake: Intake, thresholds: Thresholds) -> bool:
    """Tell whether few are late any more."""
    few = intake.people < thresholds.few_tried
    share = thresholds.small_share if few else thresholds.share
    return intake.late <= thresholds.close_share * share * intake.people


def at_most_probability(most: int, expected: float) -> float:
    """Return the chance that `most` or fewer are heard where `expected` are, on average."""
    if expected <= 0:
        return 1.0
    terms = (exp(n * log(expected) - expected - lgamma(n + 1)) for n in range(most + 1))
    return min(sum(terms), 1.0)
