"""Messages to chats and paging services: drafting them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from accounts.credentials import CredentialUnreadableError
from accounts.models import Organization
from monitoring.alerts.chat_plugins import ChatRefusedError, parsed
from monitoring.alerts.item import ChatText, Item
from monitoring.alerts.item_words import headline
from monitoring.alerts.letters import worst_first
from monitoring.alerts.mails import one_line, shortened, text_mail
from monitoring.alerts.models import Channel, Recipient
from monitoring.alerts.outbox import Draft, sender_domain, unwritten
from monitoring.alerts.plan_facts import Phase
from monitoring.alerts.secrets import secret_of

# A paging service is told of alerts one by one, of so many by one message: its calls must all be
# made within its time, and where one fails all of them are made again.
PAGES_AT_ONCE = 20
# Some services take a thousand characters at once; more come in pieces.
LONGEST_TEXT = 8_000


def chat_draft(
    recipient: Recipient,
    text: ChatText,
    key: str,
    organization: Organization | None,
    *,
    items: Sequence[Item] = (),
    kind: str = "alert",
) -> Draft:
    """Return the message that tells a chat of alerts; `items` are those, for paging services.

    Such a service opens an alert of its own for each, and closes it when ours is over. Where it is
    not known where the message leads it is given up, but can be sent once that is known again.
    """
    may_page, failure = paging(recipient)
    pages = [page_of(item) for item in worst_first(items)] if may_page else []
    return Draft(
        organization=organization,
        person=None,
        kind=kind,
        key=key,
        recipient=recipient.address,
        recipient_name=recipient.name,
        mail=text_mail(text.title, shortened(text.body, LONGEST_TEXT)),
        channel=Channel.CHAT,
        target=recipient,
        details={"pages": pages} if pages else {},
        failure=failure,
    )


def portions(recipient: Recipient, items: Sequence[Item]) -> list[list[Item]]:
    """Return the alerts that each message to a chat tells of, the gravest first.

    That is one message of all, but to a paging service.
    """
    told, (may_page, _) = worst_first(items), paging(recipient)
    size = PAGES_AT_ONCE if may_page else len(told)
    return [told[place : place + size] for place in range(0, len(told), size)]


def paging(recipient: Recipient) -> tuple[bool, str]:
    """Tell whether a recipient may be a paging service, and why that is not known."""
    try:
        service, _ = parsed(secret_of(recipient).url)
    except (CredentialUnreadableError, ChatRefusedError) as error:
        return True, unwritten(error)
    return service.pages, ""


def page_of(item: Item) -> dict[str, Any]:
    """Return one alert as a paging service is told of it."""
    said = [item.meaning, item.next_step, item.alert_link]
    whose = f" ({item.organization_name})" if item.organization_name else ""
    return {
        "key": f"{sender_domain()}/alert/{item.alert_id}",
        "title": one_line(f"{headline(item)}{whose}"),
        "text": "\n".join(one_line(each) for each in said if each),
        "severity": int(item.severity),
        "is_over": item.phase == Phase.OVER,
    }
