"""A bulk action on 10,000 people of an organization of 100,000: preview, begin, run and undo.

    make bench-actions

`BENCH_PEOPLE` changes the size of the organization, to try the benchmark itself; the action is on a
tenth of it. The run is that of one worker, in this process.
"""

from __future__ import annotations

import os
from datetime import UTC, datetime
from typing import Any

from bench.common import Report, bench_database, execute, note, seconds
from bench.people import ADD_ORGANIZATIONS, ADD_PEOPLE, AT_ONCE
from bench.tick import EVERYBODY_RUNS_HERE

PEOPLE = int(os.environ.get("BENCH_PEOPLE", 100_000))
CHOSEN = PEOPLE // 10
# In seconds, for 10,000 people.
PREVIEW_BAR = 1.0
CONFIRM_BAR = 0.3
TIMES = 5
TABLES = ("accounts_person", "health_health", "health_healthtally")


def main() -> None:
    with bench_database("actions"):
        report = Report("actions")
        note(f"{PEOPLE:,} people: {seconds(people_make):,.0f} s")
        access, people = signed_in(), chosen()
        previews: list[Any] = []
        preview = max(
            seconds(lambda: previews.append(preview_of(access, people))) for _ in range(TIMES)
        )
        confirm = seconds(lambda: confirmed(access, previews[-1]))
        run = seconds(work)
        expect(previews[-1], "disabled", CHOSEN)
        undoing = seconds(lambda: undone(access, previews[-1]))
        undo = seconds(work)
        expect(previews[-1], "disabled", 0)
        bar = f"the bar of {PREVIEW_BAR:,.0f} s"
        ratio = preview / PREVIEW_BAR
        report.line("preview", f"preview of {CHOSEN:,}", preview * 1000, "ms", ratio, bar)
        bar = f"the bar of {CONFIRM_BAR * 1000:,.0f} ms"
        ratio = confirm / CONFIRM_BAR
        report.line("confirm", "the request that begins", confirm * 1000, "ms", ratio, bar)
        ratio = undoing / preview
        report.line("undo", "the request that undoes", undoing * 1000, "ms", ratio, "a preview")
        rate = CHOSEN / run
        report.line("run", f"holds on {CHOSEN:,}", rate, "people/s", run / undo, "their undo")
        report.close()


def people_make() -> None:
    """Make one organization whose people are all well."""
    now = datetime.now(UTC)
    execute(ADD_ORGANIZATIONS, {"now": now, "organizations": 1})
    execute(EVERYBODY_RUNS_HERE)
    for start in range(1, PEOPLE + 1, AT_ONCE):
        numbers = {"first": start, "last": min(start + AT_ONCE - 1, PEOPLE), "organizations": 1}
        execute(ADD_PEOPLE, {"now": now, **numbers})
    for table in TABLES:
        execute(f"VACUUM ANALYZE {table}")
    execute("CHECKPOINT")


def signed_in() -> Any:
    from django.contrib.auth import get_user_model

    from accounts.access import access_for
    from accounts.models import Member, Organization

    user = get_user_model().objects.create(username="bench", email="bench@example.com")
    organization = Organization.objects.get()
    Member.objects.create(user=user, organization=organization, role="owner")
    return access_for(user, organization.slug)


def chosen() -> Any:
    """Return every tenth, as a filter would find them: by what their row says."""
    from monitoring.health.models import Health

    ids = "person_id IN (SELECT id FROM accounts_person WHERE mod(id, 10) = 0)"
    execute(f"UPDATE health_health SET last_rule = 'bench' WHERE {ids}")
    execute("VACUUM ANALYZE health_health")
    return Health.objects.filter(last_rule="bench")


def preview_of(access: Any, people: Any) -> Any:
    from monitoring.actions.models import Kind, Origin
    from monitoring.actions.previews import action_preview
    from monitoring.actions.reading import left_out_groups, preview_groups

    action = action_preview(
        access=access,
        kind=Kind.HOLD,
        people=people.all(),
        origin=Origin.FILTER,
        given={"reason": "To see how long it takes"},
        now=datetime.now(UTC),
    )
    # What its page shows belongs to it.
    preview_groups(action)
    left_out_groups(action)
    if action.people != CHOSEN:
        raise SystemExit(f"the benchmark is wrong: {action.people} people in the preview")
    return action


def confirmed(access: Any, preview: Any) -> None:
    from monitoring.actions.starting import action_confirm

    action_confirm(access=access, action=preview, now=datetime.now(UTC))


def undone(access: Any, action: Any) -> None:
    from monitoring.actions.starting import action_undo

    action_undo(access=access, action=action, now=datetime.now(UTC))


def work() -> None:
    from monitoring.actions.models import Action
    from monitoring.actions.working import actions_work

    while Action.objects.running().exists():
        actions_work()


def expect(action: Any, status: str, people: int) -> None:
    """End the benchmark where not so many of the action's people have the status."""
    from monitoring.health.models import Health

    found = Health.objects.filter(person__actions__action=action, status=status).count()
    if found != people:
        raise SystemExit(f"the benchmark is wrong: {found} are {status}, not {people}")


if __name__ == "__main__":
    main()
