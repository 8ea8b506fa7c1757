"""The Outbox: every mail of an organization, as it was sent, with what the mail server said."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Any

from csp.constants import NONCE, NONE, SELF
from csp.decorators import csp, csp_update
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Page, Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.utils.functional import cached_property
from django.views.decorators.clickjacking import xframe_options_sameorigin
from django.views.decorators.http import require_POST, require_safe

from accounts.access import Access, access_for
from accounts.credentials import CredentialUnreadableError
from accounts.models import Person
from monitoring.alerts.delivery import KEPT_HERE
from monitoring.alerts.models import Message, MessageQuerySet, MessageState
from monitoring.alerts.outbox import KINDS, MessageRefusedError, message_retry, messages_retry
from monitoring.alerts.showing import mail_shown
from monitoring.console.mail_preview import preview_of
from monitoring.console.message_words import look_of, sentence, tries
from monitoring.console.moments import counted
from monitoring.console.pages import kept_by_nobody, page
from monitoring.console.rows import Moment, coming, past
from monitoring.console.wording import Look

PER_PAGE = 25
# Nobody reads further, and counting further costs the database.
MOST = 1_000
SHOWS = {"": "All", "failed": "Not delivered", "waiting": "Waiting", "sent": "Sent"}
POPUPS = ["allow-popups", "allow-popups-to-escape-sandbox"]
# A mail runs nothing, loads nothing and sends nothing; only its own links may leave it.
MAIL_POLICY = {
    "default-src": [NONE],
    "style-src": [NONCE],
    "base-uri": [NONE],
    "form-action": [NONE],
    "frame-ancestors": [SELF],
    "sandbox": POPUPS,
}


@dataclass(frozen=True, slots=True)
class MessageRow:
    """One mail in the list; `goes` is when it goes out, if that is a time to come."""

    id: int
    subject: str
    occasion: str
    name: str
    recipient: str
    look: Look
    answer: str
    queued: Moment | None
    goes: Moment | None


class Newest(Paginator):
    """Pages the newest, and counts no further than MOST."""

    @cached_property
    def count(self) -> int:
        rows: Any = self.object_list
        return min(rows.order_by()[: MOST + 1].count(), MOST)


@login_required
@require_safe
def outbox(request: HttpRequest, slug: str) -> HttpResponse:
    """List the mails of an organization, newest first, narrowed as the address says."""
    access = access_for(request.user, slug)
    now, everything = timezone.now(), Message.objects.visible_to(access)
    show = request.GET.get("show", "")
    person = person_asked_for(access, request.GET.get("person", ""))
    found = page_of(narrowed(everything, show, person), request)
    failed, waiting = everything.failed().count(), everything.waiting().count()
    context: dict[str, Any] = {
        "section": "alerts",
        "tab": "outbox",
        "page": found,
        "rows": [row_of(each, now, access.time_zone) for each in found],
        "is_cut": found.paginator.count == MOST,
        "sentence": sentence(
            failed=failed,
            waiting=waiting,
            known=bool(found.paginator.count or show or person),
            kept=is_kept_here(),
        ),
        "shows": SHOWS,
        "show": show if show in SHOWS else "",
        "person": person,
        "failed": failed,
        "may_retry": access.may_change and failed > 0,
        "is_kept_here": is_kept_here(),
    }
    return page(request, access, "console/outbox.html", "results", context)


def person_asked_for(access: Access, number: str) -> Person | None:
    """Return the person of that id whom the access may see; None for any other word."""
    # More digits than an id has would be an error of the database.
    if not number.isascii() or not number.isdigit() or len(number) > 18:
        return None
    person: Person | None = Person.objects.visible_to(access).filter(pk=number).first()
    return person


def narrowed(found: MessageQuerySet, show: str, person: Person | None) -> MessageQuerySet:
    if person:
        found = found.filter(person=person)
    match show:
        case "failed":
            return found.failed()
        case "waiting":
            return found.waiting()
        case "sent":
            return found.filter(state=MessageState.SENT)
    return found


def page_of(found: MessageQuerySet, request: HttpRequest) -> Page:
    return Newest(found.newest_first(), PER_PAGE).get_page(request.GET.get("page"))


def row_of(message: Message, now: datetime, zone: tzinfo) -> MessageRow:
    waits = message.state == MessageState.QUEUED and message.next_try_at > now
    return MessageRow(
        id=message.pk,
        subject=message.subject,
        occasion=KINDS.get(message.kind, message.kind),
        name=message.recipient_name,
        recipient=message.recipient,
        look=look_of(message.state, message.attempts, message.answer),
        answer="" if message.answer == KEPT_HERE else message.answer,
        queued=past(message.created_at, now, zone),
        goes=coming(message.next_try_at, now, zone) if waits else None,
    )


def is_kept_here() -> bool:
    """Tell whether mails reach nobody, because no mail server is set."""
    return bool(settings.EMAIL_BACKEND == "monitoring.alerts.keeping.EmailBackend")


@login_required
@require_safe
@csp_update({"frame-src": [SELF]})  # type: ignore[arg-type]  # typed for views of a request only
def message(request: HttpRequest, slug: str, message_id: int) -> HttpResponse:
    """Show one mail as it was sent, and what became of it."""
    access = access_for(request.user, slug)
    found, now = message_of(access, message_id), timezone.now()
    context: dict[str, Any] = {
        "section": "alerts",
        "tab": "outbox",
        "message": found,
        "row": row_of(found, now, access.time_zone),
        "sent": past(found.sent_at, now, access.time_zone),
        "ended": past(found.ended_at, now, access.time_zone),
        "was_kept": found.answer == KEPT_HERE,
        "tries": tries(found.attempts),
        "may_retry": access.may_change and found.state == MessageState.FAILED,
        "shows_links": settings.OUTBOX_SHOWS_LINKS,
        "is_kept_here": is_kept_here(),
    }
    try:
        context["mail"] = mail_shown(found)
    except CredentialUnreadableError as error:
        context["unreadable"] = str(error)
    return page(request, access, "console/message.html", "results", context)


def message_of(access: Access, message_id: int) -> Message:
    mine = Message.objects.visible_to(access).select_related("person")
    found: Message = get_object_or_404(mine, pk=message_id)
    return found


@login_required
@require_safe
@xframe_options_sameorigin
@csp(MAIL_POLICY)  # type: ignore[arg-type]  # as above
def message_html(request: HttpRequest, slug: str, message_id: int) -> HttpResponse:
    """Give the HTML of a mail, for a frame of the page about it."""
    access = access_for(request.user, slug)
    found = message_of(access, message_id)
    try:
        html = mail_shown(found).html
    except CredentialUnreadableError as error:
        return HttpResponse(str(error), status=404, content_type="text/plain; charset=utf-8")
    nonce = str(request.csp_nonce)  # type: ignore[attr-defined]  # CSPMiddleware sets it
    return kept_by_nobody(HttpResponse(preview_of(html, nonce)))


@login_required
@require_POST
def retry(request: HttpRequest, slug: str, message_id: int) -> HttpResponse:
    """Have a mail sent again that was given up; what is refused is said on its page."""
    access = access_for(request.user, slug)
    found = message_of(access, message_id)
    try:
        message_retry(access=access, message=found, now=timezone.now())
        messages.success(request, "The mail is sent again within a minute.")
    except MessageRefusedError as refusal:
        messages.error(request, str(refusal))
    return redirect("message", slug=slug, message_id=message_id)


@login_required
@require_POST
def retry_all(request: HttpRequest, slug: str) -> HttpResponse:
    """Have all mails sent again that were given up."""
    access = access_for(request.user, slug)
    number = messages_retry(access=access, now=timezone.now())
    if number:
        goes = "is" if number == 1 else "are"
        messages.success(request, f"{counted(number, 'mail')} {goes} sent again, the oldest first.")
    else:
        messages.info(request, "No mail is given up, so there is nothing to send again.")
    return redirect("outbox", slug=slug)
