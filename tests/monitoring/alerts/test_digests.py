from __future__ import annotations

import os
import re
import subprocess
import sys
from datetime import datetime, timedelta
from email.message import EmailMessage
from typing import Any

import psycopg
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from time_machine import travel

from accounts.models import Member, Organization
from monitoring.alerts import digests
from monitoring.alerts.digests import LOCK, digests_wait, digests_work
from monitoring.alerts.models import Alert, Message, Recipient
from monitoring.alerts.sending import messages_work
from monitoring.audit.log import audit_entry_write
from monitoring.errors.inbox import unrecognised_note
from monitoring.health.samples import samples_add
from monitoring.incidents.models import Incident
from tests.factories import NOW, make_member, make_organization, make_person, make_user
from tests.monitoring.alerts.makers import make_silence
from tests.monitoring.alerts.post import Post
from tests.monitoring.alerts.routing_makers import make_recipient
from tests.monitoring.console.makers import make_healthy, make_many_healthy, make_unwell
from tests.monitoring.errors.makers import seen
from tests.monitoring.jobs.service import PROJECT, with_database

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.usefixtures("at_noon"),
]
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@pytest.fixture
def at_noon() -> Any:
    with travel(NOW, tick=False):
        yield


def reader(organization: Organization | None, **overrides: Any) -> Recipient:
    """Somebody whose daily digest is due now."""
    return make_recipient(
        organization, **{"digest": "daily", "digest_hour": 12, "digest_at": NOW} | overrides
    )


def sampled(organization: Organization, healthy: int, others: int, days: float = 2) -> None:
    """Note every half hour up to now how people stood."""
    samples_add(
        (organization.pk, NOW - place * HOUR / 2, group, people)
        for place in range(1, int(days * 48) + 1)
        for group, people in (("healthy", healthy), ("stalled", others))
        if people
    )


def acme(days: float = 2) -> Organization:
    """An organization with somebody in need."""
    organization = make_organization(slug="acme", name="Acme")
    make_many_healthy(organization, 9)
    make_unwell(organization, "stalled", "silent", name="Ada Lovelace")
    sampled(organization, 9, 1, days)
    return organization


def incident_of(organization: Organization, **overrides: Any) -> Incident:
    fields = {
        "provider": "salesforce",
        "signature": "salesforce 503",
        "rule": "salesforce-maintenance",
        "began_at": NOW - 5 * HOUR,
        "opened_at": NOW - 5 * HOUR,
        "people_hit": 7,
    }
    return Incident.objects.create(organization=organization, **fields | overrides)


def alert_of(organization: Organization | None, **overrides: Any) -> Alert:
    fields = {
        "kind": "stalled",
        "cause": "silent",
        "severity": 2,
        "people": 1,
        "began_at": NOW - HOUR,
        "changed_at": NOW,
    }
    return Alert.objects.create(organization=organization, **fields | overrides)


def subjects() -> list[str]:
    return list(Message.objects.order_by("id").values_list("subject", flat=True))


def delivered(post: Post) -> EmailMessage:
    digests_work()
    messages_work()
    (mail,) = post.mails
    return mail


def text_of(mail: EmailMessage, kind: str = "plain") -> str:
    part = mail.get_body((kind,))
    assert part is not None
    return str(part.get_content()).replace("\r\n", "\n")


def test_it_says_it_all_in_its_subject(post: Post) -> None:
    organization = acme()
    incident_of(organization, closed_at=NOW - 3 * HOUR)
    incident_of(organization, provider="google")
    make_unwell(organization, "stalled", "lost")
    recipient = reader(organization, name="Team box")
    mail = delivered(post)
    assert mail["Subject"] == "Acme: 90 % of people-hours covered, 2 incidents, 2 people need you"
    assert mail["To"] == f"Team box <{recipient.address}>"
    text = text_of(mail)
    assert "As much as the day before, which had no incident." in text
    assert "2026-11-19 12:00 to 2026-11-20 12:00 (UTC)" in text


def test_it_is_read_back_with_its_picture(post: Post) -> None:
    reader(acme())
    mail = delivered(post)
    assert mail.get_content_type() == "multipart/related"
    (picture,) = [part for part in mail.walk() if part.get_content_type() == "image/png"]
    content = picture.get_payload(decode=True)
    assert isinstance(content, bytes)
    assert content.startswith(b"\x89PNG")
    assert (int.from_bytes(content[16:20]), int.from_bytes(content[20:24])) == (1104, 440)
    html = text_of(mail, "html")
    (shown,) = re.findall(r"<img [^>]+>", html)
    cid = re.search(r'src="cid:([^"]+)"', shown)
    assert cid is not None
    assert picture["Content-ID"] == f"<{cid[1]}>"
    assert 'alt="Chart of people by status in each hour. Fewest were syncing at' in shown
    assert "Fewest were syncing at 2026-11-19 12:00: 9 of 10." in text_of(mail)


def test_it_tells_what_needs_whom_and_what_was_done(post: Post) -> None:
    organization = acme()
    member = make_member(organization, user=make_user(first_name="Casey", last_name="Smith"))
    for _ in range(2):
        audit_entry_write(
            organization=organization, action="person.sync_now", now=NOW - HOUR, author=member.user
        )
    alert = alert_of(organization)
    alert_of(organization, cause="lost", acknowledged_at=NOW)
    incident = incident_of(organization)
    make_silence(organization, [make_healthy(organization)], reason="At a fair.")
    unrecognised_note([seen(organization)])
    reader(organization)
    text = text_of(delivered(post))
    needs = "* 1 person: No run for too long\n  Ask for a sync now."
    assert needs in text
    assert "/o/acme/people/?status=stalled&cause=silent" in text
    assert f"/o/acme/incidents/{incident.pk}/" in text
    assert "7 people hit, open since 2026-11-20 07:00 (UTC)" in text
    assert text.count("1 person, since 2026-11-20 11:00 (UTC)") == 1
    assert f"/o/acme/alerts/{alert.pk}/" in text
    assert "1 person muted until 2026-11-21 12:00 (UTC)" in text
    assert "asked for a sync now, 2 times" in text
    assert "1 new kind of error that no rule knows" in text
    assert "/o/acme/errors/" in text


def test_nothing_is_said_where_nothing_is(post: Post) -> None:
    organization = make_organization(slug="calm", name="Calm")
    make_many_healthy(organization, 3)
    sampled(organization, 3, 0)
    reader(organization)
    mail = delivered(post)
    assert mail["Subject"] == "Calm: 100 % of people-hours covered, nothing needs you"
    text = text_of(mail)
    assert "Chart of people by status in each hour: all of 3 were always syncing." in text
    for title in ("Needs you", "Incidents", "Silences", "What was done", "Unrecognised"):
        assert title not in text


def test_of_people_who_never_connected_there_are_no_hours(post: Post) -> None:
    organization = make_organization(name="New")
    make_person(organization)
    reader(organization)
    mail = delivered(post)
    assert mail["Subject"] == "New: nobody was connected yet, nothing needs you"


def test_who_has_nobody_to_be_told_of_hears_nothing() -> None:
    recipient = reader(make_organization())
    digests_work()
    assert subjects() == []
    recipient.refresh_from_db()
    assert (recipient.digest_at, recipient.told_at) == (NOW + DAY, None)


@pytest.mark.parametrize(
    ("fields", "following"),
    [
        ({}, NOW + DAY),
        ({"digest_hour": 8, "digest_at": NOW - 4 * HOUR}, NOW + 20 * HOUR),
        ({"digest_at": NOW - 3 * DAY}, NOW + DAY),
        ({"digest": "weekly"}, datetime.fromisoformat("2026-11-23T12:00Z")),
        ({"time_zone": "Asia/Kolkata", "digest_hour": 17}, NOW + 23.5 * HOUR),
    ],
)
def test_one_is_sent_and_the_next_waits_for_its_time(
    fields: dict[str, Any], following: datetime
) -> None:
    recipient = reader(acme(), **fields)
    assert digests_wait(NOW)
    digests_work()
    digests_work()
    assert len(subjects()) == 1
    recipient.refresh_from_db()
    assert recipient.digest_at == following
    assert recipient.told_at == NOW
    assert not digests_wait(NOW)
    assert digests_wait(following)


def test_twice_a_day_is_once() -> None:
    recipient = reader(acme())
    digests_work()
    Recipient.objects.filter(pk=recipient.pk).update(digest_at=NOW, told_at=None)
    digests_work()
    assert len(subjects()) == 1


def test_the_zone_is_that_of_the_login(post: Post) -> None:
    organization = acme()
    member = make_member(organization, time_zone="Europe/Berlin")
    reader(organization, user=member.user, digest_hour=13)
    mail = delivered(post)
    assert member.user.email in mail["To"]
    assert "2026-11-20 13:00 (Europe/Berlin)" in text_of(mail)


def test_a_weekly_one_tells_of_the_week(post: Post) -> None:
    organization = acme(days=14)
    incident_of(organization, began_at=NOW - 10 * DAY, opened_at=NOW - 10 * DAY,
                closed_at=NOW - 9 * DAY)  # fmt: skip
    with travel(datetime.fromisoformat("2026-11-23T09:00Z"), tick=False):
        reader(organization, digest="weekly", digest_hour=9)
        text = text_of(delivered(post))
    assert "2026-11-16 09:00 to 2026-11-23 09:00 (UTC)" in text
    assert "As much as the week before, which had 1 incident." in text
    assert "in each six hours" in text


@pytest.mark.parametrize("of", ["removed", "unsubscribed", "gone", "inactive", "other"])
def test_who_is_gone_gets_none(of: str) -> None:
    organization = acme()
    member = make_member(organization)
    recipient = reader(organization, user=member.user)
    if of in {"removed", "unsubscribed"}:
        Recipient.objects.update(**{f"{of}_at": NOW})
    elif of == "inactive":
        member.user.is_active = False
        member.user.save()
    elif of == "other":
        Member.objects.filter(pk=member.pk).update(organization=make_organization())
    else:
        member.delete()
    digests_work()
    assert subjects() == []
    recipient.refresh_from_db()
    assert of == "removed" or recipient.digest_at == NOW + DAY


def test_an_address_that_has_not_confirmed_gets_none() -> None:
    organization = acme()
    make_healthy(organization)
    box = reader(organization, confirmed_at=None)
    digests_work()
    assert subjects() == []
    Recipient.objects.filter(pk=box.pk).update(confirmed_at=NOW, digest_at=NOW)
    digests_work()
    assert len(subjects()) == 1


def test_nobody_is_told_of_another_organization(post: Post) -> None:
    organization = acme()
    secret = make_organization(slug="rival", name="Rival")
    make_unwell(secret, "stalled", "lost", name="Rita Rival")
    sampled(secret, 0, 50)
    incident_of(secret, people_hit=555)
    alert_of(secret, cause="rival-cause")
    alert_of(None, kind="service", cause="mail")
    make_silence(secret, [make_healthy(secret)], reason="Rival fair.")
    audit_entry_write(organization=secret, action="person.hold", now=NOW - HOUR, author=make_user())
    unrecognised_note([seen(secret)])
    reader(organization)
    mail = delivered(post)
    for part in (mail["Subject"], text_of(mail), text_of(mail, "html")):
        assert not re.search("rival|555|switched syncing off|no rule knows|Mails", part, re.I)
    assert mail["Subject"] == "Acme: 90 % of people-hours covered, 1 person needs you"


def test_support_hears_which_organizations_are_in_trouble_worst_first(post: Post) -> None:
    organization = acme()
    worse = make_organization(slug="globex", name="Globex")
    make_many_healthy(worse, 5)
    sampled(worse, 5, 5)
    whole = incident_of(None, opened_at=NOW - HOUR)  # type: ignore[arg-type]
    incident_of(worse, part_of=whole)
    calm = make_organization(slug="calm", name="Calm")
    make_many_healthy(calm, 10)
    sampled(calm, 10, 0)
    alert = alert_of(None, kind="service", cause="workers", severity=3)
    staff = make_user(is_staff=True)
    reader(None, user=staff)
    reader(None, user=make_user())
    mail = delivered(post)
    assert staff.email in mail["To"]
    subject = "All organizations: 80 % of people-hours covered in 3 organizations, 1 incident"
    assert mail["Subject"] == f"{subject}, 2 organizations in trouble"
    text = text_of(mail)
    assert text.index("Globex") < text.index("* Acme")
    assert "Calm" not in text
    assert "50 % of people-hours covered, 1 incident (1 open)" in text
    assert "90 % of people-hours covered, 1 person needs somebody" in text
    assert f"/alerts/{alert.pk}/" in text
    assert organization.slug in text


def test_it_can_be_stopped_with_one_click(post: Post, client: Any) -> None:
    organization = acme()
    member = make_member(organization)
    recipient = reader(organization, user=member.user)
    mail = delivered(post)
    link = str(mail["List-Unsubscribe"]).strip(" <>")
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert link in text_of(mail)
    path = link.partition("/digest/")[1] + link.partition("/digest/")[2]
    assert client.post(path, {"List-Unsubscribe": "One-Click"}).status_code == 200
    recipient.refresh_from_db()
    assert (recipient.digest, recipient.digest_at) == ("never", None)
    assert recipient.unsubscribed_at is None, "alerts go on"


def test_names_and_errors_stay_text(post: Post) -> None:
    evil = "<script>alert(1)</script>\r\nBcc: x@evil.example"
    organization = make_organization(name=evil)
    make_unwell(organization, "stalled", "silent")
    sampled(organization, 0, 1)
    audit_entry_write(
        organization=organization, action="person.hold", now=NOW - HOUR, author=None,
        author_name=evil,
    )  # fmt: skip
    reader(organization, name=evil)
    mail = delivered(post)
    assert mail["Bcc"] is None
    html = text_of(mail, "html")
    assert "<script" not in html
    assert "&lt;script&gt;" in html


def test_facts_are_read_once_for_all_who_share_them() -> None:
    organization = acme()
    for _ in range(2):
        reader(organization)
    with CaptureQueriesContext(connection) as few:
        digests_work()
    Recipient.objects.update(digest="never")
    for _ in range(12):
        reader(organization)
    with CaptureQueriesContext(connection) as many:
        digests_work()
    assert len(subjects()) == 14
    assert len(many) == len(few)


def test_the_chart_is_drawn_once_for_all_who_read_it_in_one_zone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    drawn: list[str] = []

    def draw(bars: Any, zone: Any) -> bytes:
        drawn.append(str(zone))
        return b"a picture"

    monkeypatch.setattr(digests, "chart_png", draw)
    organization = acme()
    for _ in range(3):
        reader(organization)
    reader(organization, time_zone="Asia/Tokyo", digest_hour=21)
    reader(make_organization())
    digests_work()
    assert len(subjects()) == 4
    assert sorted(drawn) == ["Asia/Tokyo", "UTC"]


def test_of_one_address_one_is_written_a_minute() -> None:
    address = "casey@several.example"
    for _ in range(3):
        organization = make_organization()
        make_healthy(organization)
        reader(organization, address=address)
    reader(acme())
    for minute in range(4):
        with travel(NOW + minute * timedelta(minutes=1), tick=False):
            digests_work()
            assert len(subjects()) == min(minute + 2, 4)
            assert not digests_wait(NOW + minute * timedelta(minutes=1))
    assert Message.objects.filter(recipient=address).count() == 3


def test_whose_address_was_told_by_another_organization_waits() -> None:
    recipient = reader(acme())
    make_recipient(
        make_organization(), address=recipient.address, told_at=NOW - timedelta(seconds=30)
    )
    assert not digests_wait(NOW)
    assert digests_wait(NOW + timedelta(seconds=30))


@pytest.mark.parametrize(
    "chosen",
    [
        {"digest": "never", "digest_at": None},
        {"digest": "weekly", "digest_at": NOW + 3 * DAY},
        {"digest_hour": 15, "digest_at": NOW + 3 * HOUR},
    ],
)
def test_what_somebody_chose_while_theirs_was_written_stays(
    chosen: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    recipient, other = reader(acme()), reader(make_organization())
    draw = digests.chart_png

    def meanwhile(bars: Any, zone: Any) -> bytes:
        Recipient.objects.filter(pk=recipient.pk).update(**chosen)
        return draw(bars, zone)

    monkeypatch.setattr(digests, "chart_png", meanwhile)
    digests_work()
    recipient.refresh_from_db()
    other.refresh_from_db()
    assert {name: getattr(recipient, name) for name in chosen} == chosen
    assert (recipient.told_at, other.digest_at) == (NOW, NOW + DAY)


def test_what_is_written_is_kept_when_others_should_have_a_turn() -> None:
    organization = acme()
    recipients = [reader(organization) for _ in range(3)]
    turns = iter([True, False])
    number = digests.digests_write(recipients=recipients, now=NOW, may_go_on=lambda: next(turns))
    assert number == len(subjects()) == 2
    assert [each.pk for each in digests.due_at(NOW)] == [recipients[2].pk]
    assert digests.digests_write(recipients=recipients[2:], now=NOW, may_go_on=lambda: False) == 1


def test_what_breaks_for_one_keeps_nobody_else_waiting(monkeypatch: Any) -> None:
    broken, whole = acme(), make_organization(name="Globex")
    make_healthy(whole)
    read = digests.organization_facts

    def facts(organization: Organization, period: Any) -> Any:
        if organization == broken:
            raise ValueError("no such day")
        return read(organization, period)

    monkeypatch.setattr(digests, "organization_facts", facts)
    unlucky = reader(broken)
    reader(whole)
    digests_work()
    assert [subject.partition(":")[0] for subject in subjects()] == ["Globex"]
    unlucky.refresh_from_db()
    assert unlucky.digest_at == NOW + HOUR

    monkeypatch.undo()
    with travel(NOW + HOUR, tick=False):
        digests_work()
    assert len(subjects()) == 2
    unlucky.refresh_from_db()
    assert unlucky.digest_at == NOW + DAY


def test_who_was_told_something_this_minute_waits() -> None:
    reader(acme(), told_at=NOW - timedelta(seconds=30))
    assert not digests_wait(NOW)
    assert digests_wait(NOW + timedelta(seconds=30))


@pytest.mark.django_db(transaction=True)
def test_one_worker_writes_them_at_a_time() -> None:
    reader(acme())
    url = with_database(os.environ["DATABASE_URL"], connection.settings_dict["NAME"])
    with psycopg.connect(url, autocommit=True) as other:
        other.execute("SELECT pg_advisory_lock(%s)", [LOCK])
        digests_work()
        assert subjects() == []
        other.execute("SELECT pg_advisory_unlock(%s)", [LOCK])
    digests_work()
    assert len(subjects()) == 1


def test_only_who_draws_loads_the_library_that_draws() -> None:
    program = (
        "import django, sys; django.setup();"
        "import monitoring.alerts.digests, monitoring.jobs.tick, synccenter.urls;"
        "sys.exit('matplotlib' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], cwd=PROJECT, check=False).returncode == 0
