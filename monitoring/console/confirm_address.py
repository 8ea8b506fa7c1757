"""Where the mail leads that asks an address whether it wants alerts, without a sign-in.

Following the link changes nothing, since mail scanners follow links as well.
"""

from __future__ import annotations

from allauth.core import ratelimit
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from monitoring.alerts.confirming import recipient_confirm
from monitoring.alerts.tickets import read_confirm
from monitoring.console.quiet import quiet_page
from monitoring.console.recipient_links import does_not_open, recipient_behind, too_often


@require_http_methods(["GET", "HEAD", "POST"])
def confirm_address(request: HttpRequest, token: str) -> HttpResponse:
    """Ask whether the address wants alerts; when posted to, send them from now on."""
    recipient = recipient_behind(read_confirm(token))
    if recipient is None:
        return does_not_open(
            request, "It is not complete, or nothing is to be sent to this address any more."
        )
    if request.method == "POST":
        if not ratelimit.consume(request, action="confirm_address", key=str(recipient.pk)):
            return too_often(request)
        recipient_confirm(recipient=recipient, now=timezone.now())
        return redirect("confirm_address", token)
    context = {"token": token, "recipient": recipient, "organization": recipient.organization}
    return quiet_page(request, "confirm_address", context)
