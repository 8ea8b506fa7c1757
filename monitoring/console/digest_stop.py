"""Where a digest's link to stop it leads: one click, without a sign-in; alerts go on.

As with `monitoring.console.unsubscribe`, mail programs post to it by themselves.
"""

from __future__ import annotations

from allauth.core import ratelimit
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from monitoring.alerts.items import reader_of
from monitoring.alerts.tickets import read_digest
from monitoring.alerts.unsubscribing import recipient_digest_stop
from monitoring.console.quiet import quiet_page
from monitoring.console.recipient_links import does_not_open, recipient_behind, too_often


@csrf_exempt
@require_http_methods(["GET", "HEAD", "POST"])
def digest_stop(request: HttpRequest, token: str) -> HttpResponse:
    """Ask whether to stop a recipient's digests; when posted to, do it."""
    recipient = recipient_behind(read_digest(token))
    if recipient is None:
        return does_not_open(
            request, "It is not complete, or nothing is sent to this address any more."
        )
    if request.method == "POST":
        if not ratelimit.consume(request, action="unsubscribe", key=str(recipient.pk)):
            return too_often(request)
        recipient_digest_stop(recipient=recipient, now=timezone.now())
        recipient.refresh_from_db(fields=["digest"])
    context = {
        "token": token,
        "recipient": recipient,
        "organization": recipient.organization,
        "link": reader_of(recipient).settings_link,
    }
    return quiet_page(request, "digest_stop", context)
