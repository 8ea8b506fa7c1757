"""The numbers by which jobs are run, read from the settings in one place."""

from __future__ import annotations

from dataclasses import dataclass

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured


@dataclass(frozen=True, slots=True)
class JobPolicy:
    """How a drain works. All durations in seconds.

    deadline    after which a pass is given up; its thread is abandoned
    lease       how long a worker keeps a job without renewing; must outlive the deadline
    budget      how long one drain goes on claiming
    threads     passes in flight in one drain
    beat        how often a drain shows that it lives
    """

    deadline: float
    lease: float
    budget: float
    threads: int
    beat: float = 5.0

    def __post_init__(self) -> None:
        if not 0 < self.deadline < self.lease:
            raise ImproperlyConfigured(
                f"JOB_DEADLINE ({self.deadline} s) must be below JOB_LEASE ({self.lease} s), "
                "because a pass has to stop before its successor may start."
            )
        if self.threads < 1:
            raise ImproperlyConfigured("DRAIN_THREADS must be at least 1.")

    @property
    def utmost(self) -> float:
        """The longest a drain may take: what it holds then has been unreachable for a lease."""
        return self.budget + self.deadline + self.lease

    @property
    def head_start(self) -> float:
        """How much sooner than its deadline a pass should stop, to tell itself how far it came."""
        return min(3.0, self.deadline / 10)

    @property
    def stuck_limit(self) -> int:
        """So many abandoned threads, and the process is given up: a quarter of its threads."""
        return max(1, self.threads // 4)


def job_policy() -> JobPolicy:
    """Return the policy in force. Raises ImproperlyConfigured."""
    return JobPolicy(
        deadline=settings.JOB_DEADLINE,
        lease=settings.JOB_LEASE,
        budget=settings.DRAIN_BUDGET,
        threads=settings.DRAIN_THREADS,
        beat=settings.PROBE_BEAT_SECONDS / 12,
    )
