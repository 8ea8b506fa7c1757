"""Sending to chats and paging services, through Apprise."""

from __future__ import annotations

import logging
import re
from typing import Any

from apprise import NotifyFormat, NotifyType

from accounts.credentials import CredentialUnreadableError
from monitoring.alerts.chat_plugins import ChatRefusedError, format_of, parsed, plugin_of
from monitoring.alerts.delivery import Answer, Verdict, answer_to_request, told
from monitoring.alerts.guarded_http import Exchange, exchange
from monitoring.alerts.hiding import hidden
from monitoring.alerts.models import Message
from monitoring.alerts.outbox import details_in, mail_in
from monitoring.alerts.secrets import secret_of

logger = logging.getLogger(__name__)

# Seconds for one message, all calls it takes; less than its lease.
WITHIN = 60.0
REMOVED = "This destination was removed."
NO_CALL = "The service was not called."
CLOSED_BY_HAND = "Nothing to send: at this service somebody has to close it."
TYPES = {1: NotifyType.INFO, 2: NotifyType.WARNING, 3: NotifyType.FAILURE}
# What would call people, and what would make a link of a text, in one chat or another.
CALLS = re.compile(r"(?<![\w.+-])@(?=\w)|<")
LINKED = re.compile(r"\](?=[(\[:])")
BREAKS = re.compile(r"\s*\n\s*")
JOINER = "\N{WORD JOINER}"


class ChatSender:
    """Takes messages to chats; one that is silent keeps no other from being sent."""

    is_away = False

    def send(self, message: Message) -> Answer:
        """Send a message and return what came of it; never raises for the message's sake."""
        target = message.target
        if target is None or target.removed_at is not None:
            return Answer(Verdict.NEVER, REMOVED)
        try:
            url, pages = secret_of(target).url, details_in(message).get("pages", [])
            text = mail_in(message).text
            service, _ = parsed(url)
        except CredentialUnreadableError as error:
            return Answer(Verdict.LATER, told(error))
        except ChatRefusedError as error:
            return Answer(Verdict.NEVER, str(error))
        # It was not known, or another one, when the message was written.
        calls = (pages if service.pages else []) or [
            {"key": "", "title": message.subject, "text": text}
        ]
        with exchange(WITHIN) as made:
            for each in calls:
                answer = tell(url, each, made)
                if answer.verdict != Verdict.TAKEN:
                    return answer
        return answer

    def close(self) -> None:
        """Nothing is kept open."""


def tell(url: str, page: dict[str, Any], made: Exchange) -> Answer:
    """Send one text; a page has a `key` that names its alert, and says whether it `is_over`."""
    before = made.calls
    try:
        service, plugin = plugin_of(url, page["key"])
        text, written = defused(page["text"]), NotifyFormat.TEXT
        if format_of(service) == NotifyFormat.MARKDOWN:
            # There a single line break is none.
            text, written = BREAKS.sub("\n\n", text), NotifyFormat.MARKDOWN
        is_sent = plugin.notify(
            title=defused(page["title"]),
            body=text,
            notify_type=type_of(page),
            body_format=written,
        )
    except ChatRefusedError as error:
        return Answer(Verdict.NEVER, str(error))
    except Exception as error:  # noqa: BLE001 - whatever Apprise makes of a strange answer
        # Neither its text nor where it came from: both may hold the address.
        logger.warning("Apprise broke: %s", type(error).__name__)
        return Answer(Verdict.LATER, f"The service's answer is strange ({type(error).__name__}).")
    if made.calls == before:
        if is_sent and page.get("is_over"):
            return Answer(Verdict.TAKEN, CLOSED_BY_HAND)
        return Answer(Verdict.LATER, made.error or NO_CALL)
    said = hidden(made.body, url, made.url)
    answer = answer_to_request(made.status, said, made.error, made.retry_after)
    if not is_sent and answer.verdict == Verdict.TAKEN:
        return Answer(Verdict.LATER, answer.said)
    return answer


def type_of(page: dict[str, Any]) -> NotifyType:
    return NotifyType.SUCCESS if page.get("is_over") else TYPES[page.get("severity", 1)]


def defused(text: str) -> str:
    """Return a text in which nothing calls anybody or hides where a link leads."""
    return LINKED.sub(f"]{JOINER}", CALLS.sub(lambda found: found[0] + JOINER, text))
