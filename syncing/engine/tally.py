"""Counting what a pass does."""

from __future__ import annotations

from dataclasses import dataclass

from syncing.reports import PassCounts, SideCounts


@dataclass(slots=True)
class Tally:
    """What is counted along the way. `set_aside`: events whose change is still to be written."""

    google_created: int = 0
    google_updated: int = 0
    google_deleted: int = 0
    salesforce_created: int = 0
    salesforce_updated: int = 0
    salesforce_deleted: int = 0
    skipped: int = 0
    set_aside: int = 0
    conflicts: int = 0

    def counts(self) -> PassCounts:
        return PassCounts(
            google=SideCounts(self.google_created, self.google_updated, self.google_deleted),
            salesforce=SideCounts(
                self.salesforce_created, self.salesforce_updated, self.salesforce_deleted
            ),
            skipped=self.skipped + self.set_aside,
            conflicts=self.conflicts,
        )
