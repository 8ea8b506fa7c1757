"""What needs a person, grouped by cause: from the tally, and one look into an index for each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from monitoring.actions.models import Kind
from monitoring.console.figures import Figures
from monitoring.console.helping import (
    KINDS,
    Help,
    help_address,
    help_fields,
    help_for,
    help_words,
)
from monitoring.console.places import Place, place_for
from monitoring.console.rows import Moment, past
from monitoring.console.together import Question, Row, moment_of
from monitoring.health.causes import explanation_of, told_as, words_of
from monitoring.health.fold import SEVERITY
from syncing.providers.sides import addresses_from_settings

if TYPE_CHECKING:
    from accounts.access import Access
    from monitoring.console.alerts_waiting import AlertLine
    from monitoring.errors.rules import Rule
    from monitoring.errors.ruleset import RuleSet

MOST = 8

# The index by cause holds them in this order, so each cause costs one row; the second look ends at
# the first person who is synced here.
OLDEST = """
    SELECT cause, (
        SELECT unwell_since FROM health_health
        WHERE organization_id = %(organization)s AND cause = each.cause AND severity = %(severity)s
        ORDER BY unwell_since ASC NULLS LAST, person_id LIMIT 1
    ) AS unwell_since, EXISTS (
        SELECT FROM health_health
        WHERE organization_id = %(organization)s AND cause = each.cause AND severity = %(severity)s
            AND runs_here
    ) AS any_here
    FROM (
        SELECT cause FROM health_healthtally
        WHERE organization_id = %(organization)s AND status = 'stalled'
        GROUP BY cause HAVING sum(people) > 0
        ORDER BY sum(people) DESC, cause COLLATE "C" LIMIT %(most)s
    ) AS each
"""


@dataclass(frozen=True, slots=True)
class Step:
    """What helps: an action to begin, which is a button, or a page to look at.

    `place` is where something is to be mended before; without words that is all.
    `posted` are the fields of what needs no form before its preview.
    """

    words: str
    address: str
    is_action: bool
    leads: bool
    place: Place | None = None
    posted: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Need:
    """One cause for which people need attention, and the alert about it, if one is open.

    `last_good` is the last good run of who has waited longest for another.

    Without a step, `nobody` says that there is none for anybody at the console.
    """

    cause: str
    title: str
    next_step: str
    people: int
    last_good: Moment | None
    step: Step | None
    nobody: bool
    alert: AlertLine | None


def most_needed(figures: Figures) -> list[tuple[str, int]]:
    """Return the causes most people need attention for, with their people."""
    found = Counter(
        {cause: people for (group, cause), people in figures.people.items() if group == "stalled"}
    )
    return sorted(found.items(), key=lambda each: (-each[1], each[0]))[:MOST]


def oldest_question(access: Access) -> Question:
    """Ask since when the longest waiting person of each cause has had no good run.

    And whether anybody it concerns is synced here, so that a run can be asked for.
    """
    values = {
        "organization": access.organization.pk,
        "severity": SEVERITY["stalled"],
        "most": MOST,
    }
    return Question(OLDEST, values)


def needs_of(
    access: Access,
    figures: Figures,
    rules: RuleSet,
    oldest: Sequence[Row],
    alerts: Mapping[str, AlertLine],
    now: datetime,
) -> list[Need]:
    """Return the causes most people need attention for, each with the one step that helps.

    `oldest` answers `oldest_question`, and `alerts` are those about causes. The first action is the
    one the page leads with.
    """
    words = words_of(rules)
    found = {row["cause"]: row for row in oldest}
    known_rules = {rule.id: rule for rule in rules.rules}
    needs: list[Need] = []
    for cause, people in most_needed(figures):
        row = found.get(cause, {})
        any_here, rule = row.get("any_here", True), known_rules.get(cause)
        known = explanation_of(told_as(cause, any_here=any_here), words)
        helps = help_for(cause, rule.interpretation if rule else None, any_here=any_here)
        step = step_of(access, cause, people, rule, helps, needs)
        since = past(moment_of(row.get("unwell_since")), now, access.time_zone)
        nobody = helps is Help.NOTHING
        alert = alerts.get(cause)
        needs.append(Need(cause, known.title, known.next_step, people, since, step, nobody, alert))
    return needs


def step_of(
    access: Access,
    cause: str,
    people: int,
    rule: Rule | None,
    helps: Help,
    before: Sequence[Need],
) -> Step | None:
    """Return the step as this member may take it; who may only look is not asked to act."""
    is_action = helps in KINDS
    if helps is Help.NOTHING or (helps is not Help.READ and not access.may_change):
        return None
    may_lead = is_action and helps is not Help.MEND
    return Step(
        words=help_words(helps, people),
        address=help_address(helps, access.organization.slug, cause),
        is_action=is_action,
        leads=may_lead and not any(need.step and need.step.leads for need in before),
        place=place_for(rule, access.organization, addresses_from_settings()),
        posted=help_fields(helps, cause) if KINDS.get(helps) == Kind.SYNC else {},
    )
