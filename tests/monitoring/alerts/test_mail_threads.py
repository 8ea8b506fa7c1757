from __future__ import annotations

from base64 import b64decode
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import NAMESPACE_URL, uuid5

import pytest
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st
from time_machine import travel

from accounts.models import Organization
from monitoring.alerts import models
from monitoring.alerts.letters import alert_mail
from monitoring.alerts.mail_threads import first_mails, thread_headers, thread_index
from monitoring.alerts.plan_facts import Message, Phase
from monitoring.alerts.sending import messages_work
from monitoring.alerts.watch import alerts_watch
from monitoring.health.models import Health
from tests.factories import make_member, make_organization, make_user
from tests.monitoring.alerts.engine_makers import heal, make_stalled, watch
from tests.monitoring.alerts.item_makers import AT, a_reader, an_end, an_item
from tests.monitoring.alerts.post import Post

NAMES = ("Message-ID", "In-Reply-To", "References", "Thread-Topic", "Thread-Index")


def test_the_first_mail_of_an_episode_answers_none() -> None:
    headers = alert_mail([an_item()], a_reader()).headers
    assert not {"References", "In-Reply-To"} & headers.keys()
    assert headers["Thread-Topic"] == "Alert 7 of localhost"


def test_later_ones_answer_it() -> None:
    first = an_item()
    over = an_end(first_mail="<first@localhost>", title="Other words", severity=3)
    opened, ended = (alert_mail([item], a_reader()).headers for item in (first, over))
    assert (ended["In-Reply-To"], ended["References"]) == ("<first@localhost>",) * 2
    for name in ("Thread-Topic", "Thread-Index"):
        assert opened[name] == ended[name]


def test_one_of_several_answers_all_the_first_ones_the_gravest_first() -> None:
    ids = ["<b@localhost>", "", "<a@localhost>", "<b@localhost>"]
    items = [an_item(alert_id=number, first_mail=each) for number, each in enumerate(ids, 1)]
    headers = thread_headers(items, a_reader())
    assert headers["In-Reply-To"] == "<b@localhost>"
    assert headers["References"] == "<b@localhost> <a@localhost>"
    assert headers["Thread-Topic"] == "Alert 1 of localhost"


def test_a_new_alert_begins_a_thread_though_a_lesser_one_is_told_again() -> None:
    items = [an_item(alert_id=1), an_item(alert_id=2, first_mail="<b@localhost>")]
    headers = thread_headers(items, a_reader())
    assert not {"References", "In-Reply-To"} & headers.keys()
    assert headers["Thread-Topic"] == "Alert 1 of localhost"


def test_each_alert_and_recipient_has_a_thread_of_its_own() -> None:
    found = {
        thread_headers([an_item(alert_id=alert)], a_reader(recipient_id=reader))["Thread-Index"]
        for alert in (7, 8)
        for reader in (3, 4)
    }
    assert len(found) == 4


@given(
    st.datetimes(datetime(1970, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001
    st.text(max_size=40),
)
def test_an_index_is_a_mark_a_time_and_an_id(began_at: datetime, episode: str) -> None:
    block = b64decode(thread_index(episode, began_at), validate=True)
    assert (len(block), block[0]) == (22, 1)
    assert block[6:] == uuid5(NAMESPACE_URL, episode).bytes
    told = datetime(1601, 1, 1, tzinfo=UTC) + timedelta(
        microseconds=(int.from_bytes(block[1:6], "big") << 24) // 10
    )
    # 24 bits of tenths of a microsecond are left out.
    assert timedelta(0) <= began_at - told < timedelta(seconds=1.7)


def test_the_time_of_an_index_is_counted_as_windows_does() -> None:
    filetime = int(AT.timestamp()) * 10**7 + 116_444_736 * 10**9
    assert b64decode(thread_index("x", AT))[1:6] == (filetime >> 24).to_bytes(5, "big")


@pytest.fixture
def acme(db: Any) -> Organization:
    organization = make_organization(name="Acme", slug="acme")
    make_member(organization, user=make_user(email="ada@acme.example"))
    return organization


@pytest.mark.usefixtures("own_sources")
def test_mails_of_one_episode_answer_a_mail_that_arrived(post: Post, acme: Organization) -> None:
    now = timezone.now()
    people = make_stalled(acme, 5)
    Health.objects.filter(person__in=people).update(status_since=now - timedelta(minutes=200))

    def tick(minutes_ago: float) -> None:
        at = now - timedelta(minutes=minutes_ago)
        with travel(at, tick=False):
            alerts_watch(at)
            messages_work()

    tick(190)
    tick(175)
    more = make_stalled(acme, 20)
    tick(60)
    heal(people + more)
    tick(40)
    tick(1)
    opened, grown, over = ({name: mail[name] for name in NAMES} for mail in post.mails)
    assert opened["In-Reply-To"] is None
    assert opened["References"] is None
    for later in (grown, over):
        assert later["In-Reply-To"] == later["References"] == opened["Message-ID"]
        assert later["Thread-Topic"] == opened["Thread-Topic"]
        assert later["Thread-Index"] == opened["Thread-Index"]
    assert len({each["Message-ID"] for each in (opened, grown, over)}) == 3


@pytest.mark.usefixtures("own_sources")
def test_what_was_withdrawn_or_given_up_is_answered_by_nobody(acme: Organization) -> None:
    make_stalled(acme, 5)
    for minute in (1, 16):
        watch(minute)
    told = models.Notification.objects.get()
    asked = [Message(told.alert_id, told.recipient_id, Phase.REMINDER, 5)]
    key = (told.alert_id, told.recipient_id)
    assert first_mails(asked) == {key: models.Message.objects.get().message_id}
    assert first_mails([Message(told.alert_id, told.recipient_id, Phase.OPENED, 5)]) == {}
    for state in ("withdrawn", "failed"):
        models.Message.objects.update(state=state)
        assert first_mails(asked) == {}
