"""The queue task behind a doorbell for plays of past outcomes: it runs those that wait in turn."""

from __future__ import annotations

import logging
from collections.abc import Callable
from time import monotonic

from django.conf import settings
from django.utils import timezone

from monitoring.errors.changes import RuleChangeRefusedError
from monitoring.jobs import lifeline
from monitoring.jobs.outage import DATABASE_ERRORS
from monitoring.replay.claims import (
    Claim,
    RunInterruptedError,
    RunLostError,
    back_test_claim,
    ring_back_tests,
)
from monitoring.replay.models import Kind
from monitoring.replay.rehearsing import rehearsal_run
from monitoring.replay.rejudging import history_rejudge_run
from monitoring.replay.running import back_test_run

logger = logging.getLogger(__name__)

RUNS = {
    Kind.TEST: back_test_run,
    Kind.REJUDGE: history_rejudge_run,
    Kind.REHEARSE: rehearsal_run,
}

BROKEN = "Something went wrong that is not your fault. Ask again, or tell whoever operates this."


def back_tests_work() -> None:
    """Run what waits until there is nothing, this worker must end, or others should have a turn.

    A run of one organization is never cut in two: the queue is told to wait longer for this task
    than for a drain. Between organizations, and between runs, the time spent is looked at.
    """
    until = monotonic() + settings.DRAIN_BUDGET

    def may_go_on() -> bool:
        return monotonic() < until and not lifeline.is_cut()

    while may_go_on():
        run = back_test_claim(now=timezone.now())
        if run is None:
            return
        work(Claim(run), may_go_on)
    ring_back_tests()


def work(claim: Claim, may_go_on: Callable[[], bool]) -> None:
    """Run one, and whatever happens leave it in a state that says so.

    Raises when the database goes away; the run is taken up again once its lease has ended.
    """
    run = RUNS[Kind(claim.run.kind)]
    now = timezone.now()
    try:
        run(claim, now=now, may_go_on=may_go_on)
    except DATABASE_ERRORS:
        raise
    except RunLostError:
        logger.info("back-test %s was stopped or taken up elsewhere", claim.run.pk)
    except RunInterruptedError:
        claim.hand_back()
    except RuleChangeRefusedError as refusal:
        claim.fail(error=str(refusal), now=timezone.now())
    except Exception:
        logger.exception("back-test %s failed", claim.run.pk)
        claim.fail(error=BROKEN, now=timezone.now())
