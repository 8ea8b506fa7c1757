"""What alerts say, as a mail and as a message for a chat.

One alert is told in full; of several, which were due at once, each gets a few lines, the worst
first, and those beyond the first few are counted. Nothing here asks the database:
`monitoring.alerts.items` loads what it needs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, tzinfo
from typing import Any

from monitoring.alerts import item_words as words
from monitoring.alerts.item import NO_REST, ChatText, Item, Reader, Rest, rest_of
from monitoring.alerts.kinds import ABOUT_PEOPLE, EVENTS, AlertKind, Severity
from monitoring.alerts.mail_threads import thread_headers
from monitoring.alerts.mails import LONGEST_SUBJECT, Mail, mail_of, moment, one_line, shortened
from monitoring.alerts.plan_facts import Phase

# So many of several alerts are told, the others counted.
ALERTS_TOLD = 10
# The bar at the head of a mail and of each alert in it.
TONES = {
    Severity.NOTICE: "#0176d3",
    Severity.WARNING: "#dd7a01",
    Severity.CRITICAL: "#ba0517",
}
OVER_TONE = "#2e844a"


def subject_of(items: Sequence[Item], rest: Rest = NO_REST) -> str:
    """Return a subject that says it all, whose alerts they are at its end."""
    ordered, number = worst_first(items), len(items) + rest.number
    said = words.headline(ordered[0]) if number == 1 else words.bundle_headline(number, ordered)
    return shortened(one_line(f"{said}{whose(items, rest)}"), LONGEST_SUBJECT)


def whose(items: Sequence[Item], rest: Rest = NO_REST) -> str:
    """Return the organization that all belong to, in parentheses."""
    name = items[0].organization_name
    return "" if not name or are_of_several(items, rest) else f" ({name})"


def are_of_several(items: Sequence[Item], rest: Rest = NO_REST) -> bool:
    return rest.is_elsewhere or len({item.organization_name for item in items}) > 1


def gravity(
    phase: Phase, severity: int, people: int, began_at: datetime, alert_id: int
) -> tuple[Any, ...]:
    """Return what alerts are told by: what goes on before what is over, the gravest first."""
    return phase == Phase.OVER, -severity, -people, began_at, alert_id


def worst_first(items: Sequence[Item]) -> list[Item]:
    """Return items in the order of telling (`gravity`)."""
    return sorted(
        items,
        key=lambda item: gravity(
            item.phase, item.severity, item.people, item.began_at, item.alert_id
        ),
    )


def told_and_rest(items: Sequence[Item], rest: Rest, most: int) -> tuple[list[Item], Rest]:
    """Return the gravest items, no more than `most`, and the count of all others.

    `rest` is of those that have no items.
    """
    ordered, is_elsewhere = worst_first(items), are_of_several(items, rest)
    others = [(item.phase, item.severity) for item in ordered[most:]]
    return ordered[:most], rest + rest_of(others, is_elsewhere=is_elsewhere)


def alert_mail(
    items: Sequence[Item],
    reader: Reader,
    rest: Rest = NO_REST,
    *,
    written_at: datetime | None = None,
) -> Mail:
    """Return the mail that tells a reader of alerts that are due at once.

    `rest` counts those that are graver than none of the items, and need not be told. Several say as
    of when: one of them may have healed by the time they are read.
    """
    told, rest = told_and_rest(items, rest, ALERTS_TOLD)
    shown = [shown_item(item, reader) for item in told]
    number = len(told) + rest.number
    context: dict[str, Any] = {
        "subject": subject_of(told, rest),
        "items": shown,
        "item": shown[0],
        "number": f"{number:,}",
        "more": words.rest_sentence(rest),
        "promise": words.PROMISE if any(is_about_people(item) for item in told) else "",
        "acknowledging": words.ACKNOWLEDGING if any(item.acknowledge_link for item in told) else "",
        "written_at": written_at,
        "show_organizations": are_of_several(told, rest),
        **about(reader),
    }
    stem = "alert" if number == 1 else "alerts"
    return mail_of(stem, context, headers=headers_of(told, reader, stem))


def is_about_people(item: Item) -> bool:
    return item.kind in ABOUT_PEOPLE and item.phase != Phase.OVER


def about(reader: Reader) -> dict[str, Any]:
    """Return what every message to a reader says at its foot."""
    return {
        "organization_name": reader.organization_name,
        "is_support": reader.is_support,
        "alerts_link": reader.alerts_link,
        "settings_link": reader.settings_link,
        "unsubscribe_link": reader.unsubscribe_link,
        "silences": reader.silences,
        "zone": reader.zone,
    }


def shown_item(item: Item, reader: Reader) -> dict[str, Any]:
    """Return an item as the templates show it; times are in the reader's zone."""
    is_over, rows = item.phase == Phase.OVER, rows_of(item, reader)
    # The list of who has it now says nothing of an end; the page of an incident does.
    is_gone = is_over and item.kind != AlertKind.INCIDENT
    return {
        "headline": words.headline(item),
        "organization_name": item.organization_name,
        "outcome": words.outcome(item) if is_over else "",
        "asides": list(filter(None, [words.escalation(item), words.flapping_sentence(item)])),
        "rows": [{"label": label, "text": text} for label, text in rows.items() if text],
        "next_step": rows["Do first"],
        "whom": rows["Who"],
        "since": course(item, reader.zone),
        "button": words.button_words(item),
        "link": item.alert_link if is_gone else item.people_link or item.alert_link,
        "acknowledge_link": item.acknowledge_link,
        "tone": OVER_TONE if is_over else TONES[item.severity],
    }


def rows_of(item: Item, reader: Reader) -> dict[str, str]:
    """Return what there is to know of an item by its label, empty for what there is not."""
    is_over = item.phase == Phase.OVER
    missing = moment(item.missing_since, reader.zone) if item.missing_since else ""
    return {
        "Who": words.whom(item),
        "Why": item.meaning,
        "When" if is_over or item.kind in EVENTS else "Since": course(item, reader.zone),
        "Missing": words.consequence(item, missing),
        "Do first": "" if is_over else item.next_step,
        "In hand": in_hand(item, reader.zone),
    }


def in_hand(item: Item, zone: tzinfo) -> str:
    """Return who has acknowledged it, and when; empty where nobody has."""
    if not item.acknowledged_by:
        return ""
    when = f": {moment(item.acknowledged_at, zone)}" if item.acknowledged_at else ""
    return f"{item.acknowledged_by} has acknowledged it{when}."


def course(item: Item, zone: tzinfo) -> str:
    """Return since when, or from when to when: on one day the second time is a clock's."""
    began, ended = item.began_at.astimezone(zone), item.ended_at
    if ended is None:
        return moment(began, zone)
    if ended.astimezone(zone).date() == began.date():
        return f"{began:%Y-%m-%d %H:%M} to {moment(ended, zone)[11:]}"
    return f"{began:%Y-%m-%d %H:%M} to {moment(ended, zone)}"


def headers_of(items: Sequence[Item], reader: Reader, stem: str) -> Mapping[str, str]:
    """Return the headers of a mail: its thread, how to unsubscribe, and what feedback is about."""
    worst = items[0]
    # Whoever takes its first mail for spam, or unsubscribes, is told apart by kind and phase.
    feedback = f"{worst.phase}:{worst.kind}:{stem}:synccenter"
    headers = thread_headers(items, reader) | {"Feedback-ID": feedback}
    if worst.severity == Severity.CRITICAL and worst.phase != Phase.OVER:
        headers["Importance"] = "high"
    return headers | unsubscribing(reader)


def unsubscribing(reader: Reader) -> dict[str, str]:
    """Return the headers by which a mail program unsubscribes with one click (RFC 8058)."""
    if not reader.unsubscribe_link:
        return {}
    return {
        "List-Unsubscribe": f"<{reader.unsubscribe_link}>",
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
    }


def alert_chat(
    items: Sequence[Item],
    reader: Reader,
    rest: Rest = NO_REST,
    *,
    written_at: datetime | None = None,
) -> ChatText:
    """Return the same for a chat or a pager, in a few lines of plain text."""
    told, rest = told_and_rest(items, rest, ALERTS_TOLD)
    is_alone = len(told) + rest.number == 1
    lines = [line for item in told for line in chat_lines(item, reader, alone=is_alone)]
    lines += filter(None, [words.rest_sentence(rest)])
    if written_at is not None and not is_alone:
        lines.append(f"As of {moment(written_at, reader.zone)}.")
    return ChatText(subject_of(told, rest), "\n".join(map(one_line, lines)))


def chat_lines(item: Item, reader: Reader, *, alone: bool) -> list[str]:
    shown = shown_item(item, reader)
    lines = [] if alone else [shown["headline"] + whose([item])]
    lines += [shown["outcome"], *shown["asides"]]
    if alone:
        lines += [f"{row['label']}: {row['text']}" for row in shown["rows"]]
    if shown["link"]:
        lines.append(f"{shown['button']}: {shown['link']}")
    if item.acknowledge_link:
        lines.append(f"Acknowledge: {item.acknowledge_link}")
    return [line for line in lines if line]


def trial_mail(reader: Reader) -> Mail:
    """Return the mail of "Send me a test"."""
    return mail_of(
        "alert_test", about(reader) | {"name": reader.name}, headers=unsubscribing(reader)
    )


def confirm_mail(reader: Reader, link: str) -> Mail:
    """Return the mail that asks whether an address wants alerts; nobody's free text is in it."""
    context = about(reader) | {"link": link, "address": reader.address}
    return mail_of("confirm_address", context, headers=unsubscribing(reader))
