"""A runner for whole-process tests, named by JOB_RUNNER.

A pass lasts as long as the file that FAKE_PASS_WHILE names is there, or its deadline.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from syncing.reports import PassCounts, PassReport, PassResult


class FakeRunner:
    def load(self, person_ids: Sequence[int]) -> Mapping[int, int]:
        return {person_id: person_id for person_id in person_ids}

    def run(self, work: int, deadline: float) -> PassReport:
        hold = Path(os.environ["FAKE_PASS_WHILE"])
        while hold.exists() and time.monotonic() < deadline:
            time.sleep(0.02)
        return PassReport(PassResult.SUCCESS, None, PassCounts())
