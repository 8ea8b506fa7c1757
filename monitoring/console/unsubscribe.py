"""Where the link to unsubscribe leads: one click, without a sign-in, and back again.

Mail programs post to it by themselves (RFC 8058), with neither cookies nor a CSRF token: the signed
link is the authority. Following it changes nothing, since mail scanners follow links as well.
"""

from __future__ import annotations

from allauth.core import ratelimit
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from monitoring.alerts.tickets import read_unsubscribe
from monitoring.alerts.unsubscribing import recipient_resubscribe, recipient_unsubscribe
from monitoring.console.quiet import quiet_page
from monitoring.console.recipient_links import does_not_open, recipient_behind, too_often


@csrf_exempt
@require_http_methods(["GET", "HEAD", "POST"])
def unsubscribe(request: HttpRequest, token: str) -> HttpResponse:
    """Ask whether to unsubscribe; when posted to, do it, or with `again` subscribe again.

    Answers without a redirect, which mail programs would not follow.
    """
    recipient = recipient_behind(read_unsubscribe(token))
    if recipient is None:
        return does_not_open(
            request, "It is not complete, or nothing is sent to this address any more."
        )
    if request.method == "POST":
        if not ratelimit.consume(request, action="unsubscribe", key=str(recipient.pk)):
            return too_often(request)
        change = recipient_resubscribe if "again" in request.POST else recipient_unsubscribe
        change(recipient=recipient, now=timezone.now())
        recipient.refresh_from_db(fields=["unsubscribed_at"])
    context = {
        "token": token,
        "recipient": recipient,
        "organization": recipient.organization,
        "is_done": request.method == "POST",
    }
    return quiet_page(request, "unsubscribe", context)
