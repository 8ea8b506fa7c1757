"""The people of one action, with what came of each."""

from __future__ import annotations

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.http import require_safe

from accounts.access import access_for
from monitoring.actions.models import PersonState
from monitoring.actions.reading import people_counts
from monitoring.console.action_facts import page_of_members, person_row
from monitoring.console.action_page import action_of
from monitoring.console.action_words import result_tabs, title
from monitoring.console.pages import page
from monitoring.console.rules import explanations
from monitoring.console.wording import shown_sentence


@login_required
@require_safe
def people(request: HttpRequest, slug: str, action_id: int) -> HttpResponse:
    """List the people of an action, those of one result where the address asks for it."""
    access = access_for(request.user, slug)
    action = action_of(access, action_id)
    counts, chosen = people_counts(action), chosen_state(request.GET.get("state", ""))
    states = [chosen] if chosen is not None else list(PersonState)
    number = sum(counts.get(state, 0) for state in states)
    found = page_of_members(access, action, states, number, request.GET.get("page"))
    now, rules = timezone.now(), explanations(access.organization.pk)
    context = {
        "section": "actions",
        "action": action,
        "title": title(action.kind, action.people),
        "tabs": result_tabs(action.kind, counts, chosen),
        "everybody": sum(counts.values()),
        "chosen": chosen,
        "page": found,
        "rows": [person_row(each, action.kind, rules, now, access.time_zone) for each in found],
        "shown": shown_sentence(found.start_index(), found.end_index(), number, more=False),
    }
    return page(request, access, "console/action_people.html", "results", context)


def chosen_state(text: str) -> PersonState | None:
    """Return the result that the address asks for; None for everybody."""
    known = {str(state.value): state for state in PersonState}
    return known.get(text)
