"""The silences of an organization: whom they mute, until when, and a button to end each."""

from __future__ import annotations

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

from accounts.access import access_for
from monitoring.alerts.matchers import LARGE
from monitoring.alerts.models import Silence
from monitoring.alerts.mutes import ActiveSilence, active_silences, first_people, with_people
from monitoring.alerts.silences import silence_end
from monitoring.console.moments import counted
from monitoring.console.pages import page
from monitoring.console.rows import Moment, coming, past
from monitoring.console.summaries import muted

PER_PAGE = 25
NAMED = 3


@dataclass(frozen=True, slots=True)
class SilenceRow:
    """One silence; `ends` is when it ends or ended, `ended_by` who ended it before its time."""

    id: int
    reason: str
    author: str
    people: str
    names: str
    is_large: bool
    began: Moment | None
    ends: Moment | None
    ended_by: str


@login_required
@require_safe
def silences(request: HttpRequest, slug: str) -> HttpResponse:
    """List the silences in force, and those that are over."""
    access = access_for(request.user, slug)
    now, zone = timezone.now(), access.time_zone
    active = active_silences(access, now)
    names = first_people([each.id for each in active], NAMED)
    over = Silence.objects.visible_to(access).over_at(now).order_by("-started_at", "-id")
    found = Paginator(over, PER_PAGE).get_page(request.GET.get("page"))
    shown = with_people(Silence.objects.filter(pk__in=[each.pk for each in found]))
    context: dict[str, Any] = {
        "section": "alerts",
        "tab": "silences",
        "active": [active_row(each, names[each.id], now, zone) for each in active],
        "page": found,
        "rows": [over_row(each, now, zone) for each in shown.order_by("-started_at", "-id")],
        "sentence": sentence(len(active)),
    }
    return page(request, access, "console/silences.html", "results", context)


def sentence(active: int) -> str:
    """Return the first sentence of the page."""
    if not active:
        return "Nobody is silenced"
    return f"{counted(active, 'silence')} {'is' if active == 1 else 'are'} in force"


def active_row(silence: ActiveSilence, names: list[str], now: datetime, zone: tzinfo) -> SilenceRow:
    return SilenceRow(
        id=silence.id,
        reason=silence.reason,
        author=silence.author_name,
        people=muted(silence.people, silence.share),
        names=named(names, silence.people),
        is_large=silence.share >= LARGE,
        began=past(silence.started_at, now, zone),
        ends=coming(silence.ends_at, now, zone),
        ended_by="",
    )


def over_row(silence: Any, now: datetime, zone: tzinfo) -> SilenceRow:
    return SilenceRow(
        id=silence.pk,
        reason=silence.reason,
        author=silence.author_name,
        people=counted(silence.people, "person", "people"),
        names="",
        is_large=False,
        began=past(silence.started_at, now, zone),
        ends=past(silence.ended_at or silence.ends_at, now, zone),
        ended_by=silence.ended_by_name,
    )


def named(names: list[str], people: int) -> str:
    """Return who is muted: "Ada, Ben, Eve and 209 more"."""
    more = people - len(names)
    return ", ".join(names) + (f" and {more:,} more" if more > 0 else "")


@login_required
@require_POST
def end(request: HttpRequest, slug: str, silence_id: int) -> HttpResponse:
    """End a silence for everybody in it."""
    access = access_for(request.user, slug)
    silence = get_object_or_404(Silence.objects.visible_to(access), pk=silence_id)
    if silence_end(access=access, silence=silence, now=timezone.now()):
        messages.success(request, "The silence is over. Alerts about these people go out again.")
    else:
        messages.info(request, "This silence was over already.")
    return redirect("silences", slug=slug)
