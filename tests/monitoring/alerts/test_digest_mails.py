"""What digests say."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Any

import pytest
from time_machine import travel

from monitoring.audit.log import audit_entry_write
from monitoring.errors.inbox import unrecognised_note
from tests.factories import NOW, make_member, make_organization, make_person, make_user
from tests.monitoring.alerts.digest_makers import (
    acme,
    alert_of,
    delivered,
    incident_of,
    reader,
    sampled,
    text_of,
)
from tests.monitoring.alerts.makers import make_silence
from tests.monitoring.alerts.post import Post
from tests.monitoring.console.makers import make_healthy, make_many_healthy, make_unwell
from tests.monitoring.errors.makers import seen

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.usefixtures("at_noon"),
]
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


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
