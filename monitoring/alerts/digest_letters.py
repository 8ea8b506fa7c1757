"""Digests as mails, from their facts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode

from monitoring.alerts import digest_words as words
from monitoring.alerts.alert_links import address
from monitoring.alerts.digest_chart import chart_words
from monitoring.alerts.digest_facts import Bars, OrganizationFacts
from monitoring.alerts.digest_service import ServiceFacts, Troubled
from monitoring.alerts.digest_times import Period
from monitoring.alerts.item import Reader
from monitoring.alerts.mails import Mail, Picture, mail_of
from monitoring.alerts.number_words import counted, people_of
from monitoring.alerts.tickets import digest_link

CHART = "chart"
# The bar at the head of a mail.
WELL, IN_NEED = "#2e844a", "#ba0517"

Line = dict[str, str]
Section = dict[str, Any]


def organization_mail(
    facts: OrganizationFacts, reader: Reader, silences: Sequence[str], chart: bytes
) -> Mail:
    """Return the digest of an organization; `silences` are lines about those in force."""
    said = words.sentence(facts)
    context = {
        "subject": f"{facts.name}: {words.lowered(said)}",
        "sentence": f"{said}.",
        "compared": words.compared(facts),
        "tone": IN_NEED if facts.people_in_need or facts.alert_count else WELL,
        "sections": sections_of(facts, silences),
        "console_link": address("overview", facts.slug),
        "organization_name": facts.name,
    }
    return digest_mail(context, facts.period, facts.bars, reader, chart)


def service_mail(facts: ServiceFacts, reader: Reader, chart: bytes) -> Mail:
    """Return the digest of the whole service, for its support staff."""
    said = words.service_sentence(facts)
    context = {
        "subject": f"All organizations: {words.lowered(said)}",
        "sentence": f"{said}.",
        "compared": words.difference_of(facts.covered, facts.period),
        "tone": IN_NEED if facts.troubled_count or facts.alert_count else WELL,
        "sections": service_sections(facts),
        "console_link": address("organizations"),
        "organization_name": "",
    }
    return digest_mail(context, facts.period, facts.bars, reader, chart)


def digest_mail(
    context: dict[str, Any], period: Period, bars: Bars, reader: Reader, chart: bytes
) -> Mail:
    stop = digest_link(reader.recipient_id)
    shared = {
        "span": words.span(period),
        "how_often": "weekly" if period.is_weekly else "daily",
        "chart_words": chart_words(bars, period.zone),
        "settings_link": reader.settings_link,
        "stop_link": stop,
        "zone": period.zone,
    }
    return mail_of(
        "digest",
        context | shared,
        headers={
            "List-Unsubscribe": f"<{stop}>",
            "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
            "Feedback-ID": "digest:synccenter",
        },
        pictures=[Picture(CHART, chart)],
    )


def sections_of(facts: OrganizationFacts, silences: Sequence[str]) -> list[Section]:
    """Return what there is to tell beside the sentence; of what there is nothing, nothing."""
    slug = facts.slug
    found = [
        section("Needs you", needs(facts), more(facts.needs, facts.need_count, "cause")),
        section(
            "Alerts nobody has acknowledged",
            [
                line(
                    each.title,
                    words.since(each, facts.period),
                    address("alert", slug, each.id),
                )
                for each in facts.alerts
            ],
            more(facts.alerts, facts.alert_count, "alert"),
        ),
        section(
            "Incidents",
            [
                line(
                    each.title,
                    words.incident_said(each, facts.period),
                    address("incident", slug, each.id),
                )
                for each in facts.incidents
            ],
            more(facts.incidents, facts.incident_count, "incident"),
        ),
        section("Silences in force", [line("", each) for each in silences]),
        section("What was done", [line("", words.deed_said(each)) for each in facts.deeds]),
    ]
    if facts.unknown_errors:
        errors = line(words.errors_said(facts), "", address("errors", slug))
        found.append(section("Unrecognised errors", [errors]))
    return [each for each in found if each["lines"]]


def needs(facts: OrganizationFacts) -> list[Line]:
    listed = address("people", facts.slug)
    return [
        line(
            f"{people_of(each.people)}: {each.title}",
            each.next_step,
            f"{listed}?{urlencode({'status': 'stalled', 'cause': each.cause})}",
        )
        for each in facts.needs
    ]


def service_sections(facts: ServiceFacts) -> list[Section]:
    found = [
        section(
            "Alerts nobody has acknowledged",
            [
                line(
                    each.title,
                    words.since(each, facts.period),
                    address("service_alert", each.id),
                )
                for each in facts.alerts
            ],
            more(facts.alerts, facts.alert_count, "alert"),
        ),
        section(
            "Organizations in trouble",
            [troubled_line(each) for each in facts.troubled],
            more(facts.troubled, facts.troubled_count, "organization"),
        ),
    ]
    return [each for each in found if each["lines"]]


def troubled_line(troubled: Troubled) -> Line:
    return line(troubled.name, words.troubled_said(troubled), address("overview", troubled.slug))


def section(title: str, lines: Sequence[Line], more: str = "") -> Section:
    return {"title": title, "lines": list(lines), "more": more}


def line(head: str, text: str, link: str = "") -> Line:
    """Return a line of a section: what it is, which leads somewhere, and what is said of it."""
    return {"head": head, "text": text, "link": link}


def more(shown: Sequence[object], number: int, noun: str) -> str:
    """Return how many are not shown; empty where all are."""
    rest = number - len(shown)
    return f"And {counted(rest, f'more {noun}')}." if rest > 0 else ""
