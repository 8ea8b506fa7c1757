"""The first page of an organization: is everything all right, and what needs somebody."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.http import require_safe

from accounts.access import Access, access_for
from monitoring.alerts.mutes import active_silences
from monitoring.console.alerts_waiting import SHOWN as ALERTS
from monitoring.console.alerts_waiting import (
    alerts_of,
    alerts_question,
    by_cause,
    failed_of,
    failed_question,
    others_waiting,
)
from monitoring.console.figures import Figures, figures_from, figures_question
from monitoring.console.incidents import incident_row
from monitoring.console.needs import needs_of, oldest_question
from monitoring.console.notes_due import NOTES, notes_due, notes_question
from monitoring.console.notices import concerning, notices_from
from monitoring.console.pages import page
from monitoring.console.planned import plans_from, plans_question
from monitoring.console.ranges import range_of
from monitoring.console.summaries import (
    SILENCES,
    actions_of,
    actions_question,
    coverage_of,
    errors_of,
    errors_question,
    silences_of,
)
from monitoring.console.together import Question, Row, ask_together
from monitoring.console.unheard import unheard_of, unheard_questions
from monitoring.console.wording import LOOKS, disabled_sentence, figure_words
from monitoring.errors.rulebook import rule_sets_of
from monitoring.errors.ruleset import RuleSet
from monitoring.health.causes import words_of
from monitoring.health.models import HoldAuthor
from monitoring.incidents.models import Source

INCIDENTS = 3
MOST_OPEN = 2 * len(Source) + 1
GROUPS = ("healthy", "degraded", "stalled", "disabled")


@login_required
@require_safe
def overview(request: HttpRequest, slug: str) -> HttpResponse:
    """Show how an organization's people stand, its incidents, and what needs somebody."""
    access = access_for(request.user, slug)
    now = timezone.now()
    rules = rule_sets_of([access.organization.pk])[access.organization.pk]
    told = ask_together(**questions_of(access, now))
    figures = figures_from(told["tally"])
    context = {
        "section": "overview",
        "figures": figures,
        "statuses": statuses(figures),
        "disabled": disabled_sentence(*disabled_by(told["held"])),
        "coverage": coverage_of(figures),
        "errors": errors_of(told["errors"], now, access.time_zone),
        "actions": actions_of(access, told["actions"], now),
        "failed": failed_of(told["failed"]),
        "plans": plans_from(told["plans"], now, access.time_zone),
        "unheard": unheard_of(access, told["routes"], told["hearers"]),
        "trend": range_of(request.GET.get("trend")),
        **waiting_context(access, figures, told, rules, now),
        **notes_context(access, told["notes"], now),
        **silences_context(access, rules, now),
        **incidents_of(access, now),
    }
    return page(request, access, "console/overview.html", "overview", context)


def questions_of(access: Access, now: datetime) -> dict[str, Question]:
    """Return what the page asks the database in one statement."""
    return {
        "tally": figures_question(access),
        "oldest": oldest_question(access),
        "held": held_question(access, now),
        "errors": errors_question(access),
        "actions": actions_question(access),
        "notes": notes_question(access, now),
        "alerts": alerts_question(access),
        "failed": failed_question(access),
        "plans": plans_question(access, now),
        **unheard_questions(access),
    }


def waiting_context(
    access: Access,
    figures: Figures,
    told: Mapping[str, list[Row]],
    rules: RuleSet,
    now: datetime,
) -> dict[str, Any]:
    """Return what needs somebody, each with its alert, and the alerts about anything else."""
    alerts = alerts_of(access, told["alerts"], rules, now)
    needs = needs_of(access, figures, rules, told["oldest"], by_cause(alerts), now)
    others = others_waiting(alerts, {need.cause for need in needs})
    return {"needs": needs, "alerts": others[:ALERTS], "alerts_more": len(others) > ALERTS}


def notes_context(access: Access, found: Sequence[Row], now: datetime) -> dict[str, Any]:
    notes = notes_due(access, found, now)
    return {"notes": notes[:NOTES], "notes_more": len(notes) > NOTES}


def silences_context(access: Access, rules: RuleSet, now: datetime) -> dict[str, Any]:
    silences = active_silences(access, now)
    return {
        "silences": silences_of(silences, words_of(rules), now, access.time_zone),
        "silences_more": len(silences) - SILENCES,
    }


def statuses(figures: Figures) -> list[dict[str, Any]]:
    """Return the four statuses with their people, each for a link to just those."""
    return [
        {
            "group": group,
            "look": LOOKS[group],
            "people": f"{figures.of(group):,}",
            "words": figure_words(group, figures.of(group)),
        }
        for group in GROUPS
    ]


def incidents_of(access: Access, now: datetime) -> dict[str, Any]:
    """Return the few incidents that need eyes most, and the banner of the open ones."""
    # Those that are open come first, and there is one at most of each source.
    found = list(concerning(access).newest_first()[: INCIDENTS + MOST_OPEN])
    own = [each for each in found if each.organization_id is not None][:INCIDENTS]
    return {
        "incidents": [incident_row(each, now, access.time_zone) for each in own],
        "notices": notices_from(access, found, now),
    }


DISABLED = """
    WITH held AS (
        SELECT hold.person_id,
            hold.started_at <= %(now)s AND coalesce(hold.ends_at > %(now)s, true) AS active,
            EXISTS (
                SELECT FROM health_health AS health
                WHERE health.person_id = hold.person_id AND health.hold_id = hold.id
                    AND health.organization_id = %(organization)s AND health.status = 'disabled'
            ) AS shown
        FROM health_hold AS hold
        WHERE hold.organization_id = %(organization)s AND hold.released_at IS NULL
            AND hold.author_kind = ANY(%(humans)s)
    ), tally AS (
        SELECT coalesce(sum(people), 0)::int8 AS disabled FROM health_healthtally
        WHERE organization_id = %(organization)s AND status = 'disabled'
    )
    SELECT count(DISTINCT person_id) FILTER (WHERE active) AS by_people,
        (SELECT disabled FROM tally) - count(*) FILTER (WHERE shown) AS by_errors
    FROM held
"""


def held_question(access: Access, now: datetime) -> Question:
    """Ask how many people are off by a human's hold, and how many are without one.

    The second is 0 as long as the database keeps its word; it is counted, not assumed. Cost follows
    the holds.
    """
    values = {
        "organization": access.organization.pk,
        "now": now,
        "humans": HoldAuthor.values,
    }
    return Question(DISABLED, values)


def disabled_by(held: Sequence[Row]) -> tuple[int, int]:
    """Return how many are off by people, and how many by errors; `held` answers that question."""
    (row,) = held
    return row["by_people"], row["by_errors"]
