"""The silences of an organization: whom they mute, until when, and what can be done about each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from accounts.access import Access, access_for
from monitoring.alerts.maintenance import maintenance_dismiss, maintenances_offered
from monitoring.alerts.matchers import (
    LARGE,
    LONGEST,
    Matcher,
    SilenceRefusedError,
    needs_second_thought,
    time_problem,
)
from monitoring.alerts.models import Silence
from monitoring.alerts.mutes import ActiveSilence, lasting_silences, mutes, named, with_people
from monitoring.alerts.number_words import people_of
from monitoring.alerts.silences import silence_change, silence_end
from monitoring.console.moments import brief
from monitoring.console.pages import page
from monitoring.console.planned import plan_rows
from monitoring.console.rows import Moment, coming, past
from monitoring.console.rules import explanations
from monitoring.console.silence_words import NOT_SURE, in_force, people_query, sure_words, window
from monitoring.console.summaries import matched, may_come_to, muted
from monitoring.console.typed_times import typed_moment, typed_of
from monitoring.health.causes import Explanation
from monitoring.incidents.models import PlannedMaintenance

PER_PAGE = 25
OVER = "The silence is over. Alerts about these people go out again, where no other mutes them."
NO_TIME = "That is no time. Write a day and a time, like 2027-01-31T09:00."


@dataclass(frozen=True, slots=True)
class SilenceRow:
    """One silence; `ends` is when it ends or ended, `ended_by` who ended it before its time.

    whom      of a matcher, in words, and `query` lists on the People page who matches now
    reach     to how many it may come, where they are more
    planned   whether it is for a maintenance that a provider announced
    when      of one to come, from when to when
    until     its end as a field for times holds it
    sure      what is ticked for a later end, where that may take a tick
    """

    id: int
    reason: str
    author: str
    people: str
    began: Moment | None
    ends: Moment | None
    names: str = ""
    reach: str = ""
    is_large: bool = False
    ended_by: str = ""
    whom: str = ""
    query: str = ""
    planned: bool = False
    when: str = ""
    until: str = ""
    sure: str = ""
    is_called_off: bool = False


@login_required
@require_safe
def silences(request: HttpRequest, slug: str) -> HttpResponse:
    """List the silences in force, those to come, and those that are over."""
    access = access_for(request.user, slug)
    now, zone = timezone.now(), access.time_zone
    active, upcoming = lasting_silences(access.organization.pk, now)
    over = Silence.objects.visible_to(access).over_at(now).order_by("-started_at", "-id")
    found = Paginator(over, PER_PAGE).get_page(request.GET.get("page"))
    shown = with_people(Silence.objects.filter(pk__in=[each.pk for each in found]))
    past_ones = list(shown.order_by("-started_at", "-id"))
    by_cause = any(each.matcher.cause for each in (*active, *upcoming))
    by_cause = by_cause or any(each.cause for each in past_ones)
    rules = explanations(access.organization.pk) if by_cause else {}
    context: dict[str, Any] = {
        "section": "alerts",
        "tab": "silences",
        "active": [lasting_row(each, rules, now, zone) for each in active],
        "upcoming": [lasting_row(each, rules, now, zone) for each in upcoming],
        "plans": plan_rows(maintenances_offered(access, now), now, zone),
        "page": found,
        "rows": [over_row(each, rules, now, zone) for each in past_ones],
        "sentence": in_force(len(active), len(upcoming)),
    }
    return page(request, access, "console/silences.html", "results", context)


def lasting_row(
    silence: ActiveSilence,
    rules: Mapping[str, Explanation],
    now: datetime,
    zone: tzinfo,
) -> SilenceRow:
    """Return the row of a silence that is in force or to come."""
    is_matcher = silence.is_matcher
    return SilenceRow(
        id=silence.id,
        reason=silence.reason,
        author=silence.author_name,
        people=muted(silence.people, silence.share),
        names="" if is_matcher else named(silence.names, silence.people),
        reach=may_come_to(silence),
        is_large=silence.share >= LARGE,
        began=past(silence.started_at, now, zone),
        ends=coming(silence.ends_at, now, zone),
        whom=matched(silence.matcher, rules) if is_matcher else "",
        query=people_query(silence.matcher) if is_matcher else "",
        planned=bool(silence.announcement),
        when=window(silence.started_at, silence.ends_at, now, zone),
        until=typed_of(silence.ends_at, zone),
        sure=sure_words(silence) if may_ask(silence) else "",
    )


def may_ask(silence: ActiveSilence) -> bool:
    """Tell whether a later end of a silence may take a tick."""
    shares = silence.share, silence.reached_share
    return silence.is_matcher and needs_second_thought(silence.matcher, *shares, LONGEST)


def over_row(
    silence: Any, rules: Mapping[str, Explanation], now: datetime, zone: tzinfo
) -> SilenceRow:
    matcher = Matcher(silence.team, silence.cause, silence.provider)
    return SilenceRow(
        id=silence.pk,
        reason=silence.reason,
        author=silence.author_name,
        people=matched(matcher, rules) if silence.is_matcher else people_of(silence.people),
        began=past(silence.started_at, now, zone),
        ends=past(silence.ended_at or silence.ends_at, now, zone),
        ended_by=silence.ended_by_name,
        is_called_off=silence.ended_at is not None and silence.ended_at < silence.started_at,
        planned=bool(silence.announcement),
    )


@login_required
@require_POST
def end(request: HttpRequest, slug: str, silence_id: int) -> HttpResponse:
    """End a silence for everybody in it, or call off one to come."""
    access, now = access_for(request.user, slug), timezone.now()
    silence = get_object_or_404(Silence.objects.visible_to(access), pk=silence_id)
    if not silence_end(access=access, silence=silence, now=now):
        messages.info(request, "This silence was over already.")
    elif silence.started_at > now:
        messages.success(request, "The silence is called off.")
    else:
        messages.success(request, OVER)
    return redirect("silences", slug=slug)


@login_required
@require_POST
def change(request: HttpRequest, slug: str, silence_id: int) -> HttpResponse:
    """Have a silence end earlier or later."""
    access, now = access_for(request.user, slug), timezone.now()
    access.require_change()
    silence = get_object_or_404(Silence.objects.visible_to(access), pk=silence_id)
    try:
        typed = request.POST.get("until", "").strip()
        until = typed_moment(typed, access.time_zone, latest=True)
    except ValueError:
        messages.error(request, NO_TIME)
        return redirect("silences", slug=slug)
    if must_be_sure(access, silence, until, now) and not request.POST.get("sure"):
        messages.error(request, NOT_SURE)
        return redirect("silences", slug=slug)
    try:
        changed = silence_change(access=access, silence=silence, ends_at=until, now=now)
    except SilenceRefusedError as refusal:
        messages.error(request, str(refusal))
        return redirect("silences", slug=slug)
    if changed:
        messages.success(request, f"The silence ends {brief(until, now, access.time_zone)}.")
    else:
        messages.info(request, "This silence was over already. Place a new one.")
    return redirect("silences", slug=slug)


def must_be_sure(access: Access, silence: Silence, until: datetime, now: datetime) -> bool:
    """Tell whether a later end takes the tick that so long a silence takes when it is placed.

    How long counts from its beginning, so nobody gets around it a day at a time. What can't be
    changed so is not asked about.
    """
    is_later = silence.ended_at is None and now < silence.ends_at < until
    if not silence.is_matcher or not is_later or time_problem(silence.started_at, until, now):
        return False
    matcher = Matcher(silence.team, silence.cause, silence.provider)
    found, lasts = mutes(access, matcher), until - silence.started_at
    return needs_second_thought(matcher, found.share, found.reached_share, lasts)


@login_required
@require_POST
def dismiss(request: HttpRequest, slug: str, maintenance_id: int) -> HttpResponse:
    """Say that no alerts need be muted for a planned maintenance."""
    access = access_for(request.user, slug)
    plans = PlannedMaintenance.objects.visible_to(access)
    maintenance = get_object_or_404(plans, pk=maintenance_id)
    if maintenance_dismiss(access=access, maintenance=maintenance, now=timezone.now()):
        messages.success(request, "Alerts go out during this maintenance as ever.")
    else:
        messages.info(request, "This maintenance was no longer offered.")
    return redirect("silences", slug=slug)
