from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from monitoring.alerts.delivery import KEPT_HERE
from monitoring.alerts.mails import Mail, mail_of
from monitoring.alerts.models import Message, MessageState
from monitoring.audit.models import AuditEntry
from tests.factories import NOW, make_person
from tests.monitoring.alerts.makers import make_message
from tests.monitoring.alerts.test_mails import context
from tests.monitoring.console.alert_makers import make_alert, make_recipient, make_told
from tests.monitoring.console.conftest import Cast, client_of
from tests.monitoring.console.markup import markup, text

ADDRESS = "/o/acme/outbox/"
HOUR = timedelta(hours=1)
FAILED = {"state": MessageState.FAILED, "ended_at": NOW - HOUR, "answer": "550 No such user"}
HTMX = {"HX-Request": "true"}


def make_mail(cast: Cast, subject: str = "It works again", **overrides: Any) -> Message:
    person = overrides.pop("person", None) or make_person(cast.acme)
    mail = overrides.pop("mail", Mail(subject, "Hello\n", "<p>Hello</p>"))
    return make_message(person, mail=mail, **overrides)


def page_of(message: Message) -> str:
    return f"{ADDRESS}{message.pk}/"


# The list


def test_each_mail_is_told_with_whom_it_is_to_and_what_became_of_it(
    cast: Cast, admin_client: Client
) -> None:
    ada = make_person(cast.acme, name="Ada Lovelace", email="ada@acme.example")
    make_mail(cast, "Sent one", person=ada, state=MessageState.SENT, answer="Accepted by post")
    make_mail(cast, "Failed one", **FAILED)
    make_mail(cast, "Tried one", attempts=1, next_try_at=NOW + HOUR, answer="450 Full")
    make_mail(cast, "Fresh one", kind="person_link")
    make_mail(cast, "Withdrawn one", state=MessageState.WITHDRAWN)
    page = text(admin_client.get(ADDRESS))
    for words in (
        "1 message could not be delivered",
        "Sent one Mail: Access restored for them Ada Lovelace ada@acme.example Sent Accepted",
        "Not delivered 550 No such user",
        "Tried again later goes out in 1 h",
        "450 Full",
        "Fresh one Mail: Link to their own page",
        "Withdrawn one",
        "Times in Europe/Berlin",
    ):
        assert words in page, words


@pytest.mark.parametrize(
    ("state", "words"),
    [
        (MessageState.QUEUED, "1 message waits to be sent"),
        (MessageState.SENT, "Nothing failed, every message went out"),
        (None, "No message has been written yet"),
    ],
)
def test_the_page_begins_with_how_it_stands(
    cast: Cast, admin_client: Client, state: MessageState | None, words: str
) -> None:
    if state:
        make_mail(cast, state=state)
    assert words in text(admin_client.get(ADDRESS))


def subjects(client: Client, query: str) -> list[str]:
    return [row.subject for row in client.get(ADDRESS + query).context["rows"]]


def test_the_list_is_narrowed_by_state_and_by_person(cast: Cast, admin_client: Client) -> None:
    ada = make_person(cast.acme)
    make_mail(cast, "failed", person=ada, **FAILED)
    make_mail(cast, "sent", state=MessageState.SENT)
    make_mail(cast, "waiting", person=ada, now=NOW - HOUR)
    assert subjects(admin_client, "?show=failed") == ["failed"]
    assert subjects(admin_client, "?show=sent") == ["sent"]
    assert subjects(admin_client, "?show=waiting") == ["waiting"]
    assert subjects(admin_client, f"?person={ada.pk}") == ["failed", "waiting"]
    assert subjects(admin_client, f"?person={ada.pk}&show=sent") == []
    everybody = ["sent", "failed", "waiting"]
    stranger = make_person(cast.globex)
    for query in ("", "?show=x", "?person=x", "?person=²", f"?person={'9' * 30}"):
        assert subjects(admin_client, query) == everybody, query
    assert subjects(admin_client, f"?person={stranger.pk}") == everybody


def test_when_nothing_is_like_that_the_way_back_is_shown(cast: Cast, admin_client: Client) -> None:
    make_mail(cast, state=MessageState.SENT)
    response = admin_client.get(f"{ADDRESS}?show=failed")
    assert "No message is like that Show all messages" in text(response)
    assert "Nothing failed, every message went out" in text(response)
    assert ADDRESS in markup(response).links


def test_what_reached_nobody_is_kept_and_not_sent(cast: Cast, admin_client: Client) -> None:
    kept = {"state": MessageState.SENT, "sent_at": NOW - HOUR, "answer": KEPT_HERE}
    ada = make_person(cast.acme)
    mail = make_mail(cast, person=ada, **kept)
    page = text(admin_client.get(f"{ADDRESS}{mail.pk}/"))
    assert "Kept here 1 h ago" in page
    assert "Kept 1 h ago" in page
    assert "Sent 1 h ago" not in page
    page = text(admin_client.get(f"/o/acme/people/{ada.pk}/"))
    assert "Kept here, because no mail server is set." in page


def test_many_are_paged_up_to_a_limit(
    cast: Cast, admin_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("monitoring.console.outbox.MOST_COUNTED", 28)
    person = make_person(cast.acme)
    for _ in range(30):
        make_mail(cast, person=person)
    first = admin_client.get(ADDRESS)
    assert len(first.context["rows"]) == 25
    assert "The newest 28 are listed." in text(first)
    assert len(subjects(admin_client, "?page=2")) == 3


def test_htmx_is_given_the_list_only(cast: Cast, admin_client: Client) -> None:
    make_mail(cast)
    assert markup(admin_client.get(ADDRESS, headers=HTMX)).ids[0] == "messages"


@pytest.mark.parametrize("number", [1, 30])
def test_the_list_takes_at_most_ten_statements_at_any_size(
    cast: Cast,
    admin_client: Client,
    django_assert_max_num_queries: DjangoAssertNumQueries,
    number: int,
) -> None:
    for _ in range(number):
        make_mail(cast)
    with django_assert_max_num_queries(10):
        admin_client.get(ADDRESS)


def test_without_a_mail_server_it_says_that_mails_reach_nobody(
    cast: Cast, admin_client: Client, settings: Any
) -> None:
    message = make_mail(cast, state=MessageState.SENT, answer=KEPT_HERE)
    assert "reach nobody" not in text(admin_client.get(ADDRESS))
    settings.EMAIL_BACKEND = "monitoring.alerts.keeping.EmailBackend"
    page = text(admin_client.get(ADDRESS))
    assert "Nothing failed, mails are kept here No mail server is set (EMAIL_URL)" in page
    for words in (page, text(admin_client.get(page_of(message)))):
        assert "Kept here" in words


# One mail


def test_a_mail_is_shown_with_its_delivery(cast: Cast, admin_client: Client) -> None:
    ada = make_person(cast.acme, name="Ada Lovelace", email="ada@acme.example")
    message = make_mail(cast, person=ada, attempts=3, **FAILED)
    response = admin_client.get(page_of(message))
    page = text(response)
    for words in (
        "Not delivered, given up 1 h ago",
        "550 No such user",
        "Send again",
        "Hello",
        "Ada Lovelace ada@acme.example",
        "3 tries",
        message.message_id,
    ):
        assert words in page, words
    links = markup(response).links
    assert {f"/o/acme/people/{ada.pk}/", f"{ADDRESS}?person={ada.pk}"} <= set(links)


SECRET = "http://127.0.0.1:8000/link/secret/"


@pytest.mark.parametrize("part", ["", "html"])
def test_links_that_open_something_are_cut_off_unless_it_is_a_demo(
    cast: Cast, admin_client: Client, settings: Any, part: str
) -> None:
    message = make_mail(cast, mail=mail_of("reauthorize", context(link=SECRET)))
    address = page_of(message) + part
    assert "secret" not in admin_client.get(address).content.decode()
    settings.OUTBOX_SHOWS_LINKS = True
    assert SECRET in markup(admin_client.get(address)).links


def test_the_html_comes_in_a_frame_under_a_policy_of_its_own(
    cast: Cast, admin_client: Client
) -> None:
    message = make_mail(cast, mail=mail_of("reauthorize", context()))
    page = admin_client.get(page_of(message))
    assert "frame-src 'self'" in page.headers["Content-Security-Policy"]
    assert f'src="{page_of(message)}html" sandbox="allow-popups' in page.content.decode()
    mail = admin_client.get(f"{page_of(message)}html")
    policy = dict(
        part.strip().partition(" ")[::2]
        for part in mail.headers["Content-Security-Policy"].split(";")
    )
    assert policy["default-src"] == "'none'"
    assert policy["img-src"] == "data:"
    assert policy["style-src"].startswith("'nonce-")
    assert policy["frame-ancestors"] == "'self'"
    assert policy["sandbox"] == "allow-popups allow-popups-to-escape-sandbox"
    assert "script-src" not in policy
    assert mail.headers["X-Frame-Options"] == "SAMEORIGIN"
    assert markup(mail).violations == []
    assert policy["style-src"][7:-1] in mail.content.decode()


def test_hostile_names_are_text_in_page_and_frame(cast: Cast, admin_client: Client) -> None:
    name = "<img src=x onerror=alert(1)>"
    mail = mail_of("acted_for_you", context(person_name=name, actor_name=name))
    message = make_mail(cast, mail=mail, recipient_name=name, answer=name)
    for part in ("", "html"):
        response = admin_client.get(page_of(message) + part)
        assert markup(response).violations == []
        assert "<img" not in response.content.decode()


def test_one_whose_key_is_gone_says_so(cast: Cast, admin_client: Client, settings: Any) -> None:
    message = make_mail(cast)
    settings.CREDENTIAL_KEYS = ["MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="]
    assert "It can't be shown. A stored credential" in text(admin_client.get(page_of(message)))
    assert admin_client.get(f"{page_of(message)}html").status_code == 404


# Sending again


def test_one_that_was_given_up_is_sent_again(cast: Cast, admin_client: Client) -> None:
    message = make_mail(cast, **FAILED)
    response = admin_client.post(f"{page_of(message)}retry", follow=True)
    assert response.redirect_chain == [(page_of(message), 302)]
    assert "sent again within a minute" in text(response)
    assert Message.objects.get().state == "queued"
    assert AuditEntry.objects.get().action == "message.retry"


def test_one_that_is_under_way_is_not(cast: Cast, admin_client: Client) -> None:
    message = make_mail(cast)
    assert "Send again" not in text(admin_client.get(page_of(message)))
    response = admin_client.post(f"{page_of(message)}retry", follow=True)
    assert "not given up" in text(response)
    assert not AuditEntry.objects.exists()


def test_all_that_were_given_up_are_sent_again(cast: Cast, admin_client: Client) -> None:
    for _ in range(2):
        make_mail(cast, **FAILED)
    assert "Send all 2 that failed again" in text(admin_client.get(ADDRESS))
    response = admin_client.post(f"{ADDRESS}retry", follow=True)
    assert response.redirect_chain == [(ADDRESS, 302)]
    assert "2 messages are sent again, the oldest first." in text(response)
    assert "that failed again" not in text(response)
    assert "nothing to send again" in text(admin_client.post(f"{ADDRESS}retry", follow=True))
    assert AuditEntry.objects.get().action == "message.retry_all"


def test_a_viewer_may_look_but_not_send_again(cast: Cast) -> None:
    message, client = make_mail(cast, **FAILED), client_of(cast.viewer)
    assert client.get(ADDRESS).status_code == 200
    assert "failed again" not in text(client.get(ADDRESS))
    assert "Send again" not in text(client.get(page_of(message)))
    for address in (ADDRESS, page_of(message)):
        assert client.post(f"{address}retry").status_code == 403
    assert Message.objects.get().state == "failed"


def test_a_stranger_finds_nothing_and_wrong_methods_are_refused(cast: Cast, client: Client) -> None:
    message = make_mail(cast, **FAILED)
    admin, stranger = client_of(cast.admin), client_of(cast.stranger)
    pages = [ADDRESS, page_of(message), f"{page_of(message)}html"]
    for address in pages:
        assert stranger.get(address).status_code == 404
        assert client.get(address).status_code == 302
        assert admin.post(address).status_code == 405
    for address in (ADDRESS, page_of(message)):
        assert stranger.post(f"{address}retry").status_code == 404
        assert admin.get(f"{address}retry").status_code == 405
    elsewhere = make_message(make_person(cast.globex))
    for part in ("", "html"):
        assert admin.get(f"{page_of(elsewhere)}{part}").status_code == 404
    assert admin.post(f"{page_of(elsewhere)}retry").status_code == 404


def test_nothing_of_another_organization_is_listed(cast: Cast, admin_client: Client) -> None:
    make_message(make_person(cast.globex), **FAILED)
    make_message(organization=None, person=make_person(cast.acme))
    response = admin_client.get(ADDRESS)
    assert response.context["rows"] == []
    assert "could not be delivered" not in text(response)


def test_the_tabs_of_the_alerts_lead_here(cast: Cast, admin_client: Client) -> None:
    assert "/o/acme/alerts/" in markup(admin_client.get("/o/acme/people/")).links
    links = markup(admin_client.get("/o/acme/alerts/")).links
    tabs = ("alerts", "alerts/routes", "silences", "outbox", "rehearsal")
    assert {f"/o/acme/{tab}/" for tab in tabs} <= set(links)


def test_the_list_is_narrowed_to_one_alert(cast: Cast, admin_client: Client) -> None:
    alert = make_alert(cast.acme)
    make_told(alert, recipient=make_recipient(cast.acme), state="failed")
    make_told(make_alert(cast.acme, cause="silent"))
    response = admin_client.get(f"{ADDRESS}?alert={alert.pk}")
    assert len(response.context["rows"]) == 1
    assert "About one alert · Show all" in text(response)
    elsewhere = make_alert(cast.globex)
    assert len(admin_client.get(f"{ADDRESS}?alert={elsewhere.pk}").context["rows"]) == 2


def test_a_message_leads_to_the_alerts_it_tells_of(cast: Cast, admin_client: Client) -> None:
    alert = make_alert(cast.acme)
    told = make_told(alert, state="withdrawn", answer="")
    response = admin_client.get(f"{ADDRESS}{told.message_id}/")
    assert "Tells of 2 people must give access again: Google access was revoked" in text(response)
    assert "What it told was over, muted, or about far fewer people before it was sent." in text(
        response
    )
    assert f"/o/acme/alerts/{alert.pk}/" in markup(response).links


# Of the service


def test_support_staff_have_what_failed_of_the_service_sent_again(cast: Cast) -> None:
    first, second = (
        make_told(make_alert(None, cause=cause), make_recipient(None), state="failed").message
        for cause in ("mail", "queue")
    )
    make_told(make_alert(cast.acme), state="failed")
    client = client_of(cast.staff)
    response = client.get("/outbox/")
    assert len(response.context["rows"]) == 2
    assert "Send all 2 that failed again" in text(response)
    response = client.post(f"/outbox/{first.pk}/retry", follow=True)
    assert response.redirect_chain == [(f"/outbox/{first.pk}/", 302)]
    assert "sent again within a minute" in text(response)
    assert "not given up" in text(client.post(f"/outbox/{first.pk}/retry", follow=True))
    assert "1 message is sent again" in text(client.post("/outbox/retry", follow=True))
    assert "nothing to send again" in text(client.post("/outbox/retry", follow=True))
    states = Message.objects.values_list("organization", "state")
    assert set(states) == {(None, "queued"), (cast.acme.pk, "failed")}
    assert client.get(f"/outbox/{second.pk}/html").status_code == 200
    entries = AuditEntry.objects.order_by("pk").values_list(
        "organization", "action", "author", "detail"
    )
    assert list(entries) == [
        (None, "message.retry", cast.staff.pk, {"message": first.pk}),
        (None, "message.retry_all", cast.staff.pk, {"messages": 1}),
    ]


def test_a_member_finds_no_message_of_the_service(cast: Cast, admin_client: Client) -> None:
    message = make_told(make_alert(None), make_recipient(None), state="failed").message
    for address in ("/outbox/", f"/outbox/{message.pk}/", f"/outbox/{message.pk}/html"):
        assert admin_client.get(address).status_code == 404
    for address in ("/outbox/retry", f"/outbox/{message.pk}/retry"):
        assert admin_client.post(address).status_code == 404
    assert admin_client.get(f"{ADDRESS}{message.pk}/").status_code == 404
    of_acme = make_told(make_alert(cast.acme)).message
    assert client_of(cast.staff).get(f"/outbox/{of_acme.pk}/").status_code == 404
