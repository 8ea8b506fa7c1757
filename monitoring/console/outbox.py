"""The Outbox: every message of an organization as it was sent, with what the server said.

The service has one of its own, for support staff.
"""

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
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.utils.functional import cached_property
from django.views.decorators.clickjacking import xframe_options_sameorigin
from django.views.decorators.http import require_POST, require_safe

from accounts.credentials import CredentialUnreadableError
from accounts.models import Person
from monitoring.alerts.delivery import KEPT_HERE
from monitoring.alerts.models import (
    Alert,
    Channel,
    Message,
    MessageQuerySet,
    MessageState,
    Notification,
)
from monitoring.alerts.number_words import counted
from monitoring.alerts.outbox import MessageRefusedError
from monitoring.alerts.sending_again import message_retry, messages_retry
from monitoring.alerts.showing import mail_shown
from monitoring.alerts.webhook_sender import webhook_id
from monitoring.console.alerts_pages import (
    AnyAccess,
    alerts_access,
    alerts_page,
    alerts_redirect,
)
from monitoring.console.mail_preview import preview_of
from monitoring.console.message_alerts import alerts_in
from monitoring.console.message_words import (
    CHANNELS,
    WRONG_ONES,
    answer_of,
    look_of,
    occasion,
    promise,
    sentence,
    tries,
)
from monitoring.console.pages import kept_by_nobody
from monitoring.console.rows import Moment, coming, past
from monitoring.console.wording import Look

PER_PAGE = 25
# Nobody reads further, and counting further costs the database.
MOST_COUNTED = 1_000
SHOWS = {"": "All", "failed": "Not delivered", "waiting": "Waiting", "sent": "Sent"}
POPUPS = ["allow-popups", "allow-popups-to-escape-sandbox"]
# A mail runs nothing, loads nothing and sends nothing; only its own links may leave it.
MAIL_POLICY = {
    "default-src": [NONE],
    "img-src": ["data:"],
    "style-src": [NONCE],
    "base-uri": [NONE],
    "form-action": [NONE],
    "frame-ancestors": [SELF],
    "sandbox": POPUPS,
}


@dataclass(frozen=True, slots=True)
class MessageRow:
    """One message in the list; `goes` is when it goes out, if that is a time to come."""

    id: int
    subject: str
    occasion: str
    channel: Look
    name: str
    recipient: str
    look: Look
    answer: str
    queued: Moment | None
    goes: Moment | None


class Newest(Paginator):
    """Pages the newest, and counts no further than MOST_COUNTED."""

    @cached_property
    def count(self) -> int:
        rows: Any = self.object_list
        return min(rows.order_by()[: MOST_COUNTED + 1].count(), MOST_COUNTED)


@dataclass(frozen=True, slots=True)
class Narrowing:
    """What the address of the list asks for; what makes no sense is left out."""

    show: str
    person: Person | None
    alert: Alert | None

    def __bool__(self) -> bool:
        return bool(self.show or self.person or self.alert)

    def of(self, found: MessageQuerySet) -> MessageQuerySet:
        if self.person:
            found = found.filter(person=self.person)
        if self.alert:
            about = Notification.objects.filter(alert=self.alert, message__isnull=False)
            found = found.filter(pk__in=about.values("message"))
        match self.show:
            case "failed":
                return found.failed()
            case "waiting":
                return found.waiting()
            case "sent":
                return found.filter(state=MessageState.SENT)
        return found


@login_required
@require_safe
def outbox(request: HttpRequest, slug: str | None = None) -> HttpResponse:
    """List the messages of an organization, or with no slug of the service, newest first."""
    access, now = alerts_access(request, slug), timezone.now()
    everything, narrowing = messages_of(access), narrowing_of(access, request.GET)
    found = page_of(narrowing.of(everything), request)
    failed, waiting = everything.failed().count(), everything.waiting().count()
    context: dict[str, Any] = {
        "section": "alerts",
        "tab": "outbox",
        "page": found,
        "rows": [row_of(each, now, access.time_zone) for each in found],
        "is_cut": found.paginator.count == MOST_COUNTED,
        "sentence": sentence(
            failed=failed,
            waiting=waiting,
            known=bool(found.paginator.count or narrowing),
            kept=is_kept_here(),
        ),
        "shows": SHOWS,
        "narrowing": narrowing,
        "failed": failed,
        "may_retry": access.may_change and failed > 0,
        "is_kept_here": is_kept_here(),
    }
    return alerts_page(request, access, "console/outbox.html", "results", context)


def messages_of(access: AnyAccess) -> MessageQuerySet:
    return Message.objects.select_related("person", "target").visible_to(access)


def narrowing_of(access: AnyAccess, asked: QueryDict) -> Narrowing:
    show, person, alert = asked.get("show", ""), asked.get("person", ""), asked.get("alert", "")
    return Narrowing(
        show if show in SHOWS else "",
        Person.objects.visible_to(access).filter(pk=int(person)).first() if is_id(person) else None,
        Alert.objects.visible_to(access).filter(pk=int(alert)).first() if is_id(alert) else None,
    )


def is_id(number: str) -> bool:
    # More digits than an id has would be an error of the database.
    return number.isascii() and number.isdigit() and len(number) <= 18


def page_of(found: MessageQuerySet, request: HttpRequest) -> Page:
    return Newest(found.newest_first(), PER_PAGE).get_page(request.GET.get("page"))


def row_of(message: Message, now: datetime, zone: tzinfo) -> MessageRow:
    waits = message.state == MessageState.QUEUED and message.next_try_at > now
    target = message.target.name if message.target else ""
    return MessageRow(
        id=message.pk,
        subject=message.subject,
        occasion=occasion(message.kind),
        channel=CHANNELS[Channel(message.channel)],
        name=message.recipient_name or target,
        recipient=message.recipient,
        look=look_of(message.state, message.attempts, message.answer),
        answer=answer_of(message.state, message.kind, message.answer),
        queued=past(message.created_at, now, zone),
        goes=coming(message.next_try_at, now, zone) if waits else None,
    )


def is_kept_here() -> bool:
    """Tell whether mails reach nobody, because no mail server is set."""
    return bool(settings.EMAIL_BACKEND == "monitoring.alerts.keeping.EmailBackend")


@login_required
@require_safe
@csp_update({"frame-src": [SELF]})  # type: ignore[arg-type]  # typed for views of a request only
def message(request: HttpRequest, message_id: int, slug: str | None = None) -> HttpResponse:
    """Show one message as it was sent, and what became of it."""
    access, now = alerts_access(request, slug), timezone.now()
    found = message_of(access, message_id)
    context: dict[str, Any] = {
        "section": "alerts",
        "tab": "outbox",
        "message": found,
        "row": row_of(found, now, access.time_zone),
        "alerts": alerts_in(access, found),
        "sent": past(found.sent_at, now, access.time_zone),
        "ended": past(found.ended_at, now, access.time_zone),
        "was_kept": found.answer == KEPT_HERE,
        "tries": tries(found.attempts),
        "may_retry": access.may_change and found.state == MessageState.FAILED,
        "may_replay": access.may_change and may_replay(found),
        "webhook_id": webhook_id(found) if found.channel == Channel.WEBHOOK else "",
        "shows_links": settings.OUTBOX_SHOWS_LINKS,
        "is_kept_here": is_kept_here(),
    }
    try:
        context["mail"] = mail_shown(found)
    except CredentialUnreadableError as error:
        context["unreadable"] = str(error)
    return alerts_page(request, access, "console/message.html", "results", context)


def may_replay(message: Message) -> bool:
    """Tell whether a message can be sent anew: to a chat or webhook that is still there."""
    target = message.target
    is_there = target is not None and target.removed_at is None
    return is_there and message.channel != Channel.MAIL and message.state == MessageState.SENT


def message_of(access: AnyAccess, message_id: int) -> Message:
    found: Message = get_object_or_404(messages_of(access), pk=message_id)
    return found


@login_required
@require_safe
@xframe_options_sameorigin
@csp(MAIL_POLICY)  # type: ignore[arg-type]  # as above
def message_html(request: HttpRequest, message_id: int, slug: str | None = None) -> HttpResponse:
    """Give the HTML of a mail, for a frame of the page about it."""
    found = message_of(alerts_access(request, slug), message_id)
    try:
        mail = mail_shown(found)
    except CredentialUnreadableError as error:
        return HttpResponse(str(error), status=404, content_type="text/plain; charset=utf-8")
    nonce = str(request.csp_nonce)  # type: ignore[attr-defined]  # CSPMiddleware sets it
    return kept_by_nobody(HttpResponse(preview_of(mail.html, nonce, mail.pictures)))


@login_required
@require_POST
def retry(request: HttpRequest, message_id: int, slug: str | None = None) -> HttpResponse:
    """Have a message sent again that was given up; why it is not is said on its page."""
    access, now = alerts_access(request, slug), timezone.now()
    found = message_of(access, message_id)
    try:
        again = message_retry(access=access, message=found, now=now)
        tell = messages.warning if again.refusal else messages.success
        tell(request, again.refusal or promise(again.at or now, now, access.time_zone))
    except MessageRefusedError as refusal:
        messages.error(request, str(refusal))
    return alerts_redirect(access, "message", message_id=message_id)


@login_required
@require_POST
def retry_all(request: HttpRequest, slug: str | None = None) -> HttpResponse:
    """Have all messages sent again that were given up."""
    access, now = alerts_access(request, slug), timezone.now()
    number = messages_retry(access=access, now=now)
    if number:
        goes = "is" if number == 1 else "are"
        said = f"{counted(number, 'message')} {goes} sent again, the oldest first. {WRONG_ONES}"
        messages.success(request, said)
    else:
        messages.info(request, "Nothing is given up, so there is nothing to send again.")
    return alerts_redirect(access, "outbox")
