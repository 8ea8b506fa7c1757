"""Muting alerts about whoever matches: the form, what it would mute, and saving it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

from accounts.access import Access, access_for
from monitoring.alerts.maintenance import maintenances_offered
from monitoring.alerts.matchers import (
    LARGE,
    PROVIDERS,
    SilenceRefusedError,
    needs_second_thought,
    problem_of,
    time_problem,
)
from monitoring.alerts.models import Silence
from monitoring.alerts.mutes import Mutes, mutes
from monitoring.alerts.number_words import counted
from monitoring.alerts.silences import silence_define
from monitoring.console.figures import figures_of
from monitoring.console.moments import brief, zone_name
from monitoring.console.pages import kept_by_nobody, page
from monitoring.console.rules import explanations
from monitoring.console.silence_form import SilenceForm, Span
from monitoring.console.silence_words import (
    NOT_SURE,
    mutes_sentence,
    names_sentence,
    people_query,
    placed_sentence,
    reach_sentence,
    stalled_sentence,
    sure_words,
)
from monitoring.console.summaries import matched
from monitoring.health.causes import CAUSES, Explanation, explanation_of
from monitoring.incidents.models import PlannedMaintenance

# About these people no alert is ever sent.
NOT_ALERTED = frozenset({"", "held", "never_connected"})
PLANNED = "Planned maintenance of {}: {}."


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def new(request: HttpRequest, slug: str) -> HttpResponse:
    """Say whose alerts are to be muted, for how long and why; a post does it."""
    access = access_for(request.user, slug)
    access.require_change()
    now, rules = timezone.now(), explanations(access.organization.pk)
    form = form_of(request, access, rules, now)
    found = mutes_of(access, form)
    if request.method == "POST" and (silence := placed(access, form, found, now)):
        begins, ends = silence.started_at, silence.ends_at
        messages.success(request, placed_sentence(begins, ends, now, access.time_zone))
        return redirect("silences", slug=slug)
    context = {
        "section": "alerts",
        "tab": "silences",
        "form": form if request.method == "POST" else form.fresh(),
        "zone_hint": f"In your time, {zone_name(access.time_zone)}.",
        **preview_of(access, form, found, rules, now),
    }
    return page(request, access, "console/silence_new.html", "form", context)


@login_required
@require_POST
def preview(request: HttpRequest, slug: str) -> HttpResponse:
    """Tell whom the silence in the form would mute, and when; nothing is kept."""
    access = access_for(request.user, slug)
    access.require_change()
    now, rules = timezone.now(), explanations(access.organization.pk)
    form = form_of(request, access, rules, now)
    context = preview_of(access, form, mutes_of(access, form), rules, now)
    context |= {"access": access, "form": form}
    return kept_by_nobody(render(request, "console/silence_preview.html", context))


def form_of(
    request: HttpRequest, access: Access, rules: Mapping[str, Explanation], now: datetime
) -> SilenceForm:
    """Return the form as it was sent; at first, as the address fills it in."""
    plans = list(maintenances_offered(access, now))
    given = request.POST if request.method == "POST" else first_fields(request, access, plans)
    causes = cause_choices(access, rules, given.get("cause", ""))
    form = SilenceForm(given, access=access, now=now, causes=causes, plans=plans)
    form.is_valid()
    return form


def first_fields(
    request: HttpRequest, access: Access, plans: Sequence[PlannedMaintenance]
) -> dict[str, str]:
    """Return what the form begins with: what the address names, as links of other pages do."""
    names = ("team", "cause", "provider", "everybody")
    fields = {name: request.GET[name] for name in names if name in request.GET}
    asked = request.GET.get("maintenance", "")
    plan = next((plan for plan in plans if str(plan.pk) == asked), None)
    if plan is None:
        return fields
    reason = PLANNED.format(PROVIDERS[plan.provider], plan.name)
    return {"provider": plan.provider} | fields | {"ends": f"plan-{plan.pk}", "reason": reason}


def cause_choices(
    access: Access, rules: Mapping[str, Explanation], asked: str
) -> list[tuple[str, str]]:
    """Return the reasons there are, with their people; the one asked for even if nobody has it."""
    found = {
        cause: people for cause, people in figures_of(access).causes if cause not in NOT_ALERTED
    }
    if asked in rules or asked in CAUSES.keys() - NOT_ALERTED:
        found.setdefault(asked, 0)
    return [
        (cause, f"{explanation_of(cause, rules).title} ({counted(people, 'person', 'people')})")
        for cause, people in found.items()
    ]


def mutes_of(access: Access, form: SilenceForm) -> Mutes | None:
    """Return whom the silence in the form would mute; None where it does not say whose it is."""
    if whom_problem(form):
        return None
    return mutes(access, form.matcher)


def whom_problem(form: SilenceForm) -> str:
    """Return what keeps it from being said whom it mutes; empty for nothing."""
    for field in ("team", "cause", "provider"):
        for sentence in form.errors.get(field, ()):
            return str(sentence)
    problem = problem_of(form.matcher, form.cleaned_data.get("everybody", False))
    return problem[0] if problem else ""


def must_be_sure(found: Mutes, form: SilenceForm, now: datetime) -> bool:
    """Tell whether the silence in the form takes a tick; what says no time is not placed anyway."""
    span = form.span
    lasts = span.ends_at - max(span.starts_at, now) if span else timedelta()
    return needs_second_thought(form.matcher, found.share, found.reached_share, lasts)


def placed(access: Access, form: SilenceForm, found: Mutes | None, now: datetime) -> Silence | None:
    """Place what the form holds; what is refused is said in the form, and None comes."""
    if found is not None and must_be_sure(found, form, now) and not form.is_sure:
        form.add_error("sure", NOT_SURE)
    if not form.is_valid() or form.span is None:
        return None
    matcher, span = form.matcher, form.span
    try:
        return silence_define(
            access=access,
            team=matcher.team,
            cause=matcher.cause,
            provider=matcher.provider,
            everybody=form.cleaned_data["everybody"],
            starts_at=span.starts_at,
            ends_at=span.ends_at,
            reason=form.cleaned_data["reason"],
            announcement=span.announcement,
            now=now,
        )
    except SilenceRefusedError as refusal:
        form.add_error(refusal.field or None, str(refusal))
        return None


def preview_of(
    access: Access,
    form: SilenceForm,
    found: Mutes | None,
    rules: Mapping[str, Explanation],
    now: datetime,
) -> dict[str, Any]:
    """Return what the page says before anything is saved."""
    context: dict[str, Any] = {"problem": whom_problem(form), **time_of(access, form.span, now)}
    if found is None:
        return context
    return context | {
        "found": found,
        "whom": matched(form.matcher, rules),
        "mutes": mutes_sentence(found),
        "stalled": stalled_sentence(found),
        "reach": reach_sentence(found, form.matcher),
        "names": names_sentence(found),
        "people_query": people_query(form.matcher),
        "sure_words": sure_words(found) if must_be_sure(found, form, now) else "",
        "is_large": found.share >= LARGE,
        "key": form.key,
        "is_sure": form.is_sure,
    }


def time_of(access: Access, span: Span | None, now: datetime) -> dict[str, str]:
    """Return from when to when it is meant, or what is wrong with that."""
    if span is None:
        return {}
    if problem := time_problem(span.starts_at, span.ends_at, now):
        return {"time_problem": problem[0]}
    zone = access.time_zone
    begins = "now" if span.starts_at <= now else brief(span.starts_at, now, zone)
    return {"begins": begins, "ends": f"{brief(span.ends_at, now, zone)} ({zone_name(zone)})"}
