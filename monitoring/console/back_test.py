"""The test of a change on past outcomes, and history judged again, as a page shows them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings

from accounts.access import Access
from accounts.models import Organization, Person
from monitoring.console.back_test_words import (
    SHOWN,
    Wait,
    alert_row,
    found_sentence,
    moved_row,
    progress_words,
    rejudged_sentence,
    reworded_sentence,
    share_words,
    shift_row,
    step_words,
)
from monitoring.console.rows import past
from monitoring.console.rules import explanations
from monitoring.errors.changes import is_test_old, needs_second_look
from monitoring.errors.models import RuleChange
from monitoring.errors.rulebook import level_version
from monitoring.health.causes import Explanation
from monitoring.jobs.beats import is_worker_seen
from monitoring.replay.findings import BackTestResult, from_json
from monitoring.replay.models import BackTest, Kind, State

# After this a run that waits says why, and is asked about less often.
PATIENCE = timedelta(minutes=1)


def runs_of(access: Access, change: RuleChange) -> dict[str, BackTest]:
    """Return the newest run of each kind that the access may see, in one statement."""
    runs = BackTest.objects.visible_to(access).of_change(change).defer("kept")
    return {run.kind: run for run in runs.order_by("kind", "-id").distinct("kind")}


def tests_context(access: Access, change: RuleChange, now: datetime) -> dict[str, Any]:
    """Return what the page says of a change's test and of history judged again."""
    runs = runs_of(access, change)
    test, rejudging = runs.get(Kind.TEST), runs.get(Kind.REJUDGE)
    rejudged = result_of(rejudging)
    return {
        "test": test,
        "test_progress": progress(test, now),
        "test_result": test_result(access, change, test, now),
        "rejudging": rejudging,
        "rejudging_progress": progress(rejudging, now),
        "rejudged": rejudged_sentence(rejudged) if rejudged else "",
        "finished": past(test.finished_at, now, access.time_zone) if test else None,
        "second_look": needs_second_look(change),
        "share": f"{100 * settings.SECOND_LOOK_SHARE:.4g} %",
        "is_out_of_date": is_out_of_date(change),
        "is_old": is_test_old(change, now),
    }


def result_of(run: BackTest | None) -> BackTestResult | None:
    """Return what a run found; None while it is not done."""
    if run is None or run.state != State.DONE or run.result is None:
        return None
    return from_json(run.result)


def is_out_of_date(change: RuleChange) -> bool:
    """Tell if other rules have changed since the change was tested."""
    tested = change.tested_at is not None
    return tested and change.tested_against != level_version(change.organization_id)


def progress(run: BackTest | None, now: datetime) -> dict[str, Any] | None:
    """Return how a run gets on that waits or is under way; `pace` is when to ask again.

    `said` is for who listens; it is said again only where `step` is another.
    """
    if run is None or not run.is_under_way:
        return None
    wait = wait_of(run, now)
    return {
        "run": run,
        "words": progress_words(run.state, run.done, run.total, wait),
        "percent": run.percent,
        "said": step_words(run.state, run.percent, wait),
        "step": f"{run.state}-{wait.name.lower()}-{run.percent // 10}",
        "seen": f"{run.state}-{run.done if wait == Wait.BEGUN else wait.name.lower()}",
        "pace": "1s" if wait == Wait.BEGUN else "5s",
    }


def wait_of(run: BackTest, now: datetime) -> Wait:
    """Return why a run waits; only of one that waits for long it costs statements."""
    if run.state != State.QUEUED or now - run.asked_at < PATIENCE:
        return Wait.BEGUN
    if BackTest.objects.at_work().exists():
        return Wait.BUSY
    return Wait.WORKERS_BUSY if is_worker_seen(within=PATIENCE) else Wait.UNSEEN


def test_result(
    access: Access, change: RuleChange, test: BackTest | None, now: datetime
) -> dict[str, Any] | None:
    """Return what the test found; None while nothing was."""
    result, zone = result_of(test), access.time_zone
    if test is None or result is None:
        return None
    before = explanations(access.organization.pk)
    after = with_change(before, change)
    moved = result.moved[:SHOWN]
    gone, new = result.alerts_dropped[:SHOWN], result.alerts_added[:SHOWN]
    return {
        "sentence": found_sentence(result, now, zone),
        "reworded": reworded_sentence(result),
        "shifts": [shift_row(shift, before, after) for shift in result.breakdown[:SHOWN]],
        "moved": named(access, [moved_row(each, before, after, now, zone) for each in moved]),
        "moved_more": result.people_moved - len(moved) if moved else 0,
        "gone": [alert_row(alert, before, now, zone) for alert in gone],
        "gone_more": result.alerts_dropped_total - len(gone),
        "new": [alert_row(alert, after, now, zone) for alert in new],
        "new_more": result.alerts_added_total - len(new),
        "organizations": organization_rows(result) if test.organization_id is None else [],
    }


def with_change(rules: Mapping[str, Explanation], change: RuleChange) -> Mapping[str, Explanation]:
    """Return the words of the rules as they would be with the change."""
    after = change.after
    if after is None:
        return rules
    words = Explanation(after["title"], after["meaning"], after["next_step"])
    return {**rules, change.rule: words}


def named(access: Access, rows: Sequence[Any]) -> list[dict[str, Any]]:
    """Add the names of the people that the access may see, in one statement."""
    ids = [row.person_id for row in rows]
    found = Person.objects.visible_to(access).filter(pk__in=ids).values_list("pk", "name")
    names = dict(found) if ids else {}
    return [{"row": row, "name": names[row.person_id]} for row in rows if row.person_id in names]


def organization_rows(result: BackTestResult) -> list[dict[str, Any]]:
    """Return the organizations of which most people move, for the operator's staff."""
    moved = [each for each in result.organizations if each.people_moved]
    known = Organization.objects.in_bulk([each.organization for each in moved])
    return [
        {
            "organization": known[each.organization],
            "people_moved": each.people_moved,
            "people": each.people,
            "share": share_words(each.people_moved, each.people),
        }
        for each in moved
        if each.organization in known
    ]
