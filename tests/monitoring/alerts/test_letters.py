from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, timedelta
from html.parser import HTMLParser
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitoring.alerts.item import Item, Reader, Rest, rest_of
from monitoring.alerts.kinds import AlertKind, Severity
from monitoring.alerts.letters import (
    ALERTS_TOLD,
    alert_chat,
    alert_mail,
    subject_of,
    trial_mail,
    worst_first,
)
from monitoring.alerts.mails import LONGEST_SUBJECT, Mail, one_line
from monitoring.alerts.number_words import people_of
from monitoring.alerts.plan_facts import Phase
from tests.monitoring.alerts.item_makers import AT, SITE, a_reader, an_end, an_item
from tests.monitoring.alerts.test_mails import HOSTILE
from tests.monitoring.alerts.test_outgoing import assert_arrives_as_it_is
from tests.monitoring.alerts.texts import TEXT
from tests.monitoring.console.markup import Markup

# Longer ones are cut off by Gmail.
LARGEST = 102_000


def both(mail: Mail) -> tuple[str, str]:
    return mail.text, Markup(mail.html).text


def test_a_mail_says_who_why_since_when_and_what_to_do_first() -> None:
    mail = alert_mail([an_item()], a_reader())
    assert mail.subject == "5 people stopped syncing: Salesforce session policy (Acme)"
    for words in (
        "Ada Lovelace, Ben Moss, Eve Stone and 2 more",
        "Salesforce refuses sessions from this network.",
        "2026-11-26 14:05 (Europe/Berlin)",
        "New meetings have not reached Salesforce, for some since 2026-11-26 11:05 (Europe/Ber",
        "Relax the policy in Salesforce Setup.",
        "Nobody is disabled by errors",
        "Acknowledging tells the others",
        "You get this because you are told of alerts of Acme.",
    ):
        for said in both(mail):
            assert words in said


def test_its_links_lead_to_those_people_and_stand_in_both_bodies() -> None:
    item, reader = an_item(), a_reader()
    mail = alert_mail([item], reader)
    links = [item.people_link, item.acknowledge_link, reader.settings_link, reader.unsubscribe_link]
    assert Markup(mail.html).links == links
    for link in links:
        assert f"{link}\n" in mail.text


def test_the_end_tells_how_long_it_was_and_asks_for_nothing() -> None:
    mail = alert_mail([an_end()], a_reader())
    assert mail.subject == (
        "Over after 3 h 10 min: Salesforce session policy, 5 people stopped syncing (Acme)"
    )
    assert f"{SITE}/o/acme/alerts/7/" in Markup(mail.html).links
    for said in both(mail):
        assert "2026-11-26 14:05 to 17:15 (Europe/Berlin)" in said
        assert "Nobody waits for this any more." in said
        for words in ("Acknowledge", "Do first", "Relax the policy", "Nobody is disabled"):
            assert words not in said


def test_the_end_of_an_incident_leads_to_it() -> None:
    link = f"{SITE}/o/acme/incidents/8/"
    mail = alert_mail([an_end(kind=AlertKind.INCIDENT, people_link=link)], a_reader())
    assert mail.subject.startswith("Over after 3 h 10 min: Salesforce session policy, 5 people hit")
    assert f"Open the incident:\n{link}\n" in mail.text


def test_an_end_on_another_day_bears_its_date() -> None:
    mail = alert_mail([an_end(ended_at=AT + timedelta(days=2))], a_reader())
    assert "When: 2026-11-26 14:05 to 2026-11-28 14:05 (Europe/Berlin)" in mail.text


def test_who_has_it_in_hand_is_told_and_nobody_is_asked() -> None:
    by = {"acknowledged_by": "Bea Admin", "acknowledged_at": AT}
    item = an_item(phase=Phase.GROWN, acknowledge_link="", **by)
    for said in both(alert_mail([item], a_reader())):
        assert "Bea Admin has acknowledged it: 2026-11-26 14:05 (Europe/Berlin)." in said
        assert "Acknowledging tells" not in said


def test_what_escalates_and_flaps_says_so_in_the_mail() -> None:
    for said in both(alert_mail([an_item(is_escalated=True, flaps=3)], a_reader())):
        assert "You are told because nobody has acknowledged it so far." in said
        assert "It has come and gone 3 times within a day." in said


def test_support_is_told_of_the_service_without_an_organization() -> None:
    reader = a_reader(organization_name="", is_support=True)
    item = an_item(
        kind=AlertKind.SERVICE, title="No worker is at work", organization_name="",
        organization_slug="", people=0, names=(), people_link="",
    )  # fmt: skip
    mail = alert_mail([item], reader)
    assert mail.subject == "No worker is at work"
    for said in both(mail):
        assert (
            "You get this because you are told of alerts of this service, as its support." in said
        )
        assert "which syncs calendars with Salesforce." in said
    assert item.alert_link in Markup(mail.html).links


def test_several_alerts_are_one_mail_the_worst_first() -> None:
    incident = an_item(alert_id=8, kind=AlertKind.INCIDENT, severity=Severity.CRITICAL, people=412)
    mail = alert_mail([an_end(alert_id=9), an_item(), incident], a_reader())
    assert mail.subject == "3 alerts: Salesforce session policy, 412 people hit (Acme)"
    for said in both(mail):
        assert "3 alerts of Acme" in said
        first, second, third = (
            said.index(words)
            for words in ("Incident, 412", "5 people stopped syncing", "Over after 3 h 10 min")
        )
        assert first < second < third
        assert "are over" not in said
    assert mail.text.count("Relax the policy in Salesforce Setup.") == 2


def test_several_ends_are_said_to_be_ends_at_once() -> None:
    for said in both(alert_mail([an_end(alert_id=8), an_end(alert_id=9)], a_reader())):
        assert "2 alerts of Acme are over" in said


def test_several_alerts_say_as_of_when() -> None:
    items = [an_end(alert_id=9), an_item()]
    words = "As of 2026-11-26 14:05 (Europe/Berlin)"
    for said in both(alert_mail(items, a_reader(), written_at=AT)):
        assert words in said
    assert words in alert_chat(items, a_reader(), written_at=AT).body
    for said in both(alert_mail(items[:1], a_reader(), written_at=AT)):
        assert "As of" not in said
    assert "As of" not in alert_chat(items[:1], a_reader(), written_at=AT).body


def test_of_very_many_the_first_are_told_and_the_others_counted() -> None:
    items = [an_item(alert_id=number, people=1_000 - number) for number in range(300)]
    mail = alert_mail(items, a_reader())
    assert mail.subject.startswith("300 alerts: Salesforce session policy, 1,000 people stopped")
    assert mail.text.count("* ") == ALERTS_TOLD
    for said in both(mail):
        assert "And 290 more: 290 warnings." in said
    assert f"{SITE}/o/acme/alerts/" in Markup(mail.html).links
    assert len(mail.html.encode()) < LARGEST


def test_alerts_of_several_organizations_say_whose_they_are() -> None:
    reader = a_reader(organization_name="", is_support=True)
    globex = an_item(alert_id=8, organization_name="Globex", people=4)
    mail = alert_mail([an_item(), globex], reader)
    assert mail.subject == "2 alerts: Salesforce session policy, 5 people stopped syncing"
    for said in both(mail):
        assert "Acme" in said
        assert "Globex" in said


def test_a_mail_program_can_unsubscribe_with_one_click() -> None:
    headers = alert_mail([an_item()], a_reader()).headers
    assert headers["List-Unsubscribe"] == f"<{SITE}/unsubscribe/3.signature/>"
    assert headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert headers["Feedback-ID"] == "opened:stalled:alert:synccenter"


def test_without_a_link_nothing_says_that_one_can_unsubscribe() -> None:
    mail = alert_mail([an_item()], a_reader(unsubscribe_link="", settings_link=""))
    assert not any(name.startswith("List-") for name in mail.headers)
    for said in both(mail):
        assert "Unsubscribe" not in said
        assert "Choose what you are told" not in said


def test_only_what_is_critical_and_goes_on_is_important() -> None:
    critical = an_item(severity=Severity.CRITICAL)
    assert alert_mail([critical], a_reader()).headers["Importance"] == "high"
    for item in (an_item(), an_end(severity=Severity.CRITICAL)):
        assert "Importance" not in alert_mail([item], a_reader()).headers


def test_a_chat_gets_the_same_in_a_few_lines() -> None:
    chat = alert_chat([an_item()], a_reader())
    assert chat.title == subject_of([an_item()])
    lines = chat.body.splitlines()
    assert lines[0] == "Who: Ada Lovelace, Ben Moss, Eve Stone and 2 more"
    assert lines[-1] == f"Acknowledge: {SITE}/alert/7-3.signature/"
    assert f"See who has this now (5 when this was sent): {an_item().people_link}" in lines


def test_a_chat_gets_several_as_one_message() -> None:
    items = [an_item(alert_id=number) for number in range(12)]
    chat = alert_chat(items, a_reader())
    assert (
        chat.body.count("5 people stopped syncing: Salesforce session policy (Acme)") == ALERTS_TOLD
    )
    assert chat.body.endswith("And 2 more: 2 warnings.")


def test_a_test_says_that_nothing_is_wrong() -> None:
    mail = trial_mail(a_reader())
    assert mail.subject == "Test: alerts of Acme arrive here"
    for said in both(mail):
        assert "Hello Casey Admin," in said
        assert "Nothing is wrong, and there is nothing for you to do." in said
    assert "List-Unsubscribe" in mail.headers
    service = a_reader(organization_name="", name="")
    assert trial_mail(service).subject == "Test: alerts of this service arrive here"


def test_a_subject_is_not_longer_than_a_subject_may_be() -> None:
    subject = subject_of([an_item(title="long " * 100)])
    assert len(subject) == LONGEST_SUBJECT


items = st.builds(
    an_item,
    kind=st.sampled_from(AlertKind),
    severity=st.sampled_from(Severity),
    alert_id=st.integers(1, 10**9),
    people=st.integers(0, 10**6),
    phase=st.sampled_from([Phase.OPENED, Phase.REMINDER]),
)


TROUBLE = "Salesforce is being maintained"


def of_organization(slug: str) -> dict[str, str]:
    return {"organization_slug": slug, "organization_name": slug.title()}


def alike(*people: int, **overrides: Any) -> list[Item]:
    """Return one trouble, of so many people in each of several organizations."""
    fields = {"kind": AlertKind.INCIDENT, "title": TROUBLE, "severity": Severity.CRITICAL}
    return [
        an_item(**fields | {"people": number} | of_organization(f"org-{place}") | overrides)
        for place, number in enumerate(people)
    ]


@pytest.mark.parametrize(
    ("phase", "said"),
    [
        (Phase.OPENED, f"{TROUBLE}: 360 people of 3 organizations"),
        (Phase.GROWN, f"{TROUBLE}: by now 360 people of 3 organizations"),
        (Phase.REMINDER, f"{TROUBLE}: still 360 people of 3 organizations"),
        (Phase.OVER, f"Over: {TROUBLE}, 360 people of 3 organizations"),
    ],
)
def test_one_trouble_of_several_organizations_is_added_up(phase: Phase, said: str) -> None:
    assert subject_of(alike(120, 120, 120, phase=phase)) == said


def test_what_is_no_one_trouble_is_told_by_the_worst_and_counted() -> None:
    for others in (
        alike(1, title="Something else", **of_organization("other")),
        alike(1, phase=Phase.REMINDER, **of_organization("other")),
        alike(1, kind=AlertKind.STALLED, **of_organization("other")),
        # Whoever is hit twice in one organization would be counted twice.
        alike(1, **of_organization("org-1")),
        alike(1, **of_organization("")),
    ):
        assert subject_of(alike(2, 120) + others).startswith(f"3 alerts: {TROUBLE}, 120 people hit")
    counted = Rest({Severity.CRITICAL: 1}, is_elsewhere=True)
    assert subject_of(alike(2, 120), counted).startswith("3 alerts: ")
    # Nothing of these is about people.
    of_none = alike(0, 0, kind=AlertKind.UNRECOGNISED)
    assert subject_of(of_none) == f"2 alerts: {TROUBLE}"


def test_people_are_added_up_of_one_cause_that_all_call_the_same() -> None:
    (acme,) = alike(120, kind=AlertKind.STALLED, cause="gone", **of_organization("acme"))
    other = replace(acme, people=2, **of_organization("other"))
    assert subject_of([acme, other]) == f"{TROUBLE}: 122 people of 2 organizations"
    for different in (replace(other, cause="gone-too"), replace(other, title="As we call it")):
        assert subject_of([acme, different]).startswith(f"2 alerts: {TROUBLE}, 120 people")
    # An incident is its own cause.
    incidents = [replace(each, kind=AlertKind.INCIDENT) for each in (acme, other)]
    incidents[1] = replace(incidents[1], cause="8")
    assert subject_of(incidents) == f"{TROUBLE}: 122 people of 2 organizations"


def test_more_organizations_than_a_message_tells_of_are_counted() -> None:
    for number, said in (
        (ALERTS_TOLD, f"{TROUBLE}: 20 people of 10 organizations"),
        (ALERTS_TOLD + 1, f"11 alerts: {TROUBLE}, 2 people hit"),
    ):
        assert alert_mail(alike(*[2] * number), a_reader()).subject == said


def test_the_mail_of_one_trouble_names_each_organization() -> None:
    mail = alert_mail(alike(120, 120, 120), a_reader(organization_name="", is_support=True))
    assert mail.subject == f"{TROUBLE}: 360 people of 3 organizations"
    for said in both(mail):
        for name in ("Org-0", "Org-1", "Org-2"):
            assert name in said


@given(
    st.lists(st.integers(0, 10**6), min_size=2, max_size=ALERTS_TOLD),
    st.sampled_from(list(Phase)),
    st.sampled_from([AlertKind.INCIDENT, AlertKind.STALLED, AlertKind.REAUTHORIZE]),
)
def test_all_people_and_organizations_of_one_trouble_are_told(
    people: list[int], phase: Phase, kind: AlertKind
) -> None:
    told = alike(*people, phase=phase, kind=kind)
    said = f"{people_of(sum(people))} of {len(people)} organizations"
    assert subject_of(told).endswith(said)


@given(st.lists(st.one_of(items, st.builds(an_end)), min_size=1, max_size=15))
def test_what_goes_on_is_told_first_and_the_gravest_of_it(told: list[Item]) -> None:
    ordered = worst_first(told)
    assert sorted(map(id, ordered)) == sorted(map(id, told))
    grades = [(item.phase == Phase.OVER, -item.severity) for item in ordered]
    assert grades == sorted(grades)


@given(st.lists(st.one_of(items, st.builds(an_end)), min_size=1, max_size=30), st.integers(0, 30))
def test_how_many_more_there_are_is_exact_whoever_counts_them(told: list[Item], place: int) -> None:
    ordered = worst_first(told)
    most = min(max(place, ALERTS_TOLD), len(told))
    rest = rest_of([(item.phase, item.severity) for item in ordered[most:]], is_elsewhere=False)
    mail, chat = alert_mail(ordered[:most], a_reader(), rest), alert_chat(told, a_reader())
    assert mail == alert_mail(told, a_reader())
    assert chat == alert_chat(ordered[:most], a_reader(), rest)
    more = len(told) - ALERTS_TOLD
    for said in (mail.text, chat.body):
        found = re.search(r"And (\d+) more: (.*)\.", said)
        assert (int(found[1]) if found else 0) == max(more, 0)
        if found:
            assert sum(map(int, re.findall(r"\d+", found[2]))) == more
            over = sum(item.phase == Phase.OVER for item in ordered[ALERTS_TOLD:])
            assert (f"{over} over" in found[2]) == bool(over)


def test_alerts_that_are_only_counted_say_so_by_how_grave_they_are() -> None:
    rest = Rest({Severity.WARNING: 14_000, Severity.CRITICAL: 1, Severity.NOTICE: 1}, over=7)
    mail = alert_mail([an_item()], a_reader(), rest)
    assert mail.subject.startswith("14,010 alerts: Salesforce session policy, 5 people")
    for said in both(mail):
        assert "14,010 alerts of Acme" in said
        assert "And 14,009 more: 1 critical, 14,000 warnings, 1 notice, 7 over." in said


def test_of_alerts_counted_elsewhere_each_that_is_told_names_its_organization() -> None:
    reader = a_reader(organization_name="", is_support=True)
    rest = Rest({Severity.WARNING: 2}, is_elsewhere=True)
    mail = alert_mail([an_item()], reader, rest)
    assert mail.subject == "3 alerts: Salesforce session policy, 5 people stopped syncing"
    for said in both(mail):
        assert "Acme" in said


class Shape(HTMLParser):
    """The elements of a page with their attributes, whatever its words."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[Any] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, attrs))

    def handle_endtag(self, tag: str) -> None:
        self.found.append(tag)

    def handle_decl(self, decl: str) -> None:
        self.found.append(decl)

    def handle_comment(self, data: str) -> None:
        self.found.append("a comment")


FIELDS = ("title", "meaning", "next_step", "organization_name", "acknowledged_by", "cause")


def with_text(text: str) -> tuple[Item, Reader]:
    """Return an item and a reader that hold a text wherever one from outside may stand."""
    item = replace(an_item(), names=(text, text), **dict.fromkeys(FIELDS, text))
    return item, a_reader(name=text, organization_name=text)


def assert_text_is_text(text: str) -> None:
    harmless, plain_reader = with_text("x")
    given_item, given_reader = with_text(text if one_line(text) else "x")
    for told in ([given_item], [given_item, an_end()]):
        plain_told = [harmless, *told[1:]]
        mail, plain = alert_mail(told, given_reader), alert_mail(plain_told, plain_reader)
        assert Shape(mail.html).found == Shape(plain.html).found
        assert mail.text.count("\n") == plain.text.count("\n")
        assert_arrives_as_it_is(mail.subject, one_line(given_reader.name))
        assert mail.headers == plain.headers
        chat, plain_chat = alert_chat(told, given_reader), alert_chat(plain_told, plain_reader)
        assert len(chat.title.splitlines()) == 1
        assert chat.body.count("\n") == plain_chat.body.count("\n")
    assert Shape(trial_mail(given_reader).html).found == Shape(trial_mail(plain_reader).html).found


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_comes_out_as_text(text: str) -> None:
    assert_text_is_text(text)


@given(TEXT)
def test_any_text_anywhere_is_read_as_it_is_and_changes_neither_headers_nor_html(text: str) -> None:
    assert_text_is_text(text)


def test_times_are_in_the_zone_of_the_reader() -> None:
    mail = alert_mail([an_item()], a_reader(zone=UTC))
    assert "Since: 2026-11-26 13:05 (UTC)" in mail.text


@pytest.mark.parametrize("people", [0, 1, 10**6])
def test_every_mail_is_small_enough_for_every_mail_program(people: int) -> None:
    names = tuple("N" * 200 for _ in range(5))
    item = an_item(people=people, names=names, meaning="M" * 2_000, next_step="S" * 2_000)
    assert len(alert_mail([item] * 50, a_reader()).html.encode()) < LARGEST
