"""The choice of the time zone that a viewer reads times in."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_http_methods

from accounts.time_zones import (
    UnknownTimeZoneError,
    time_zone_choose,
    time_zone_chosen,
    time_zones,
)
from monitoring.console.pages import kept_by_nobody


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def time_zone(request: HttpRequest) -> HttpResponse:
    """Show the choice, or make it and lead back to where the viewer came from."""
    back = back_of(request)
    typed, refused = "", ""
    if request.method == "POST":
        typed = request.POST.get("zone", "").strip()
        try:
            time_zone_choose(user=request.user, name=typed)
        except UnknownTimeZoneError:
            refused = "Choose one of the zones in the list, such as Europe/Berlin."
        else:
            messages.success(request, f"Times are shown in {typed} from now on.")
            return redirect(back)
    chosen = time_zone_chosen(request.user)
    offered = request.GET.get("zone", "")
    context = {
        "zones": time_zones(),
        "chosen": chosen,
        "typed": typed or (offered if offered in time_zones() else chosen),
        "refused": refused,
        "back": back,
    }
    response = render(request, "console/time_zone.html", context, status=400 if refused else 200)
    return kept_by_nobody(response)


def back_of(request: HttpRequest) -> str:
    """Return the page of ours that the viewer came from, else the first one."""
    back = request.POST.get("back") or request.GET.get("back") or ""
    ours = url_has_allowed_host_and_scheme(
        back, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    )
    return back if ours and back.startswith("/") else reverse("home")
