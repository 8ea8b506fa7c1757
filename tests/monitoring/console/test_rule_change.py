from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.db.models.functions import Now
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries, Settings

from accounts.access import Access, access_for
from accounts.models import Role
from monitoring.errors.changes import rule_change_go_live
from monitoring.errors.interpretation import built_in_rules
from monitoring.errors.models import RuleChange
from monitoring.jobs.beats import worker_beat
from monitoring.jobs.models import Lane
from monitoring.replay.findings import (
    AlertShift,
    BackTestResult,
    Moved,
    OrganizationMoved,
    Shift,
    Span,
    WorstHour,
)
from monitoring.replay.models import BackTest
from monitoring.replay.stored import as_json
from tests.factories import NOW, make_member, make_person, make_user
from tests.monitoring.console.conftest import Cast, client_of
from tests.monitoring.console.markup import markup, text
from tests.monitoring.errors.makers import definition, make_live, passed, propose

HOUR = timedelta(hours=1)
VERSION = built_in_rules().version
HTMX = {"HX-Request": "true"}


def as_admin(cast: Cast) -> Access:
    return access_for(cast.admin, "acme")


def address(change: RuleChange, deed: str = "", slug: str = "acme") -> str:
    return f"/o/{slug}/rules/changes/{change.pk}/{deed}"


def make_run(change: RuleChange, **overrides: Any) -> BackTest:
    """A test of a change that is done, unless told otherwise."""
    fields = {
        "organization": change.organization,
        "change": change,
        "asked_by": change.author,
        "asked_by_name": change.author_name,
        "asked_at": timezone.now(),
        "state": "done",
        "finished_at": NOW,
        "result": as_json(result()),
    }
    return BackTest.objects.create(**fields | overrides)


def under_way(change: RuleChange, **overrides: Any) -> BackTest:
    fields = {"state": "queued", "finished_at": None, "result": None}
    return make_run(change, **fields | overrides)


def result(**overrides: Any) -> BackTestResult:
    figures = {"outcomes": 9_000, "outcomes_changed": 3, "people": 100, "people_moved": 0}
    return BackTestResult(version="1.1", days=30, **figures | overrides)


def make_tested(cast: Cast, **overrides: Any) -> RuleChange:
    """A draft of Acme's admin whose test moved nobody."""
    change = passed(propose(as_admin(cast)), **overrides)
    make_run(change)
    return change


def waiting(cast: Cast) -> RuleChange:
    change = make_tested(cast, people_moved=50)
    return rule_change_go_live(access=as_admin(cast), change=change, now=NOW)


def colleague(cast: Cast) -> Client:
    return client_of(make_member(cast.acme).user)


def buttons(response: Any) -> list[str]:
    """The page's buttons, but for that of signing out."""
    return re.findall(r'type="submit">([^<]+)</button>', response.content.decode())[1:]


def said(client: Client, change: RuleChange, deed: str) -> str:
    """Do something by its button, and return what the page says then."""
    response = client.post(address(change, deed), follow=True)
    assert response.status_code == 200
    return text(response)


def test_a_draft_shows_what_changes_why_and_how_to_test_it(
    cast: Cast, admin_client: Client
) -> None:
    change = propose(as_admin(cast))
    page = text(admin_client.get(address(change)))
    for words in (
        "Draft: The aisle is blocked",
        "A new rule.",
        "Code After: KERNEL_PANIC_IN_AISLE_FOUR",
        "People asked what it means.",
        "admin@acme.example",
        "Nothing is changed by it.",
        "Test on the last 30 days",
        "Withdraw",
        "Edit draft",
    ):
        assert words in page, words
    assert "Go live" not in page


def test_a_test_is_asked_for_and_the_page_asks_how_it_gets_on(
    cast: Cast, admin_client: Client
) -> None:
    change = propose(as_admin(cast))
    response = admin_client.post(address(change, "test"))
    assert response.headers["Location"] == address(change)
    run = BackTest.objects.get()
    assert (run.state, run.kind, run.change) == ("queued", "test", change)
    html = admin_client.get(address(change)).content.decode()
    assert "Waits for a free worker" in html
    assert f'hx-get="{address(change, "runs/test")}?seen=queued-0&amp;said=queued-begun-0"' in html
    assert 'hx-trigger="every 1s"' in html


def test_progress_is_told_only_where_it_is_new(cast: Cast, admin_client: Client) -> None:
    change = propose(as_admin(cast))
    beat = {"state": "running", "token": "0" * 32, "beat_at": NOW}
    under_way(change, **beat, done=120, total=480)
    asked = address(change, "runs/test")
    assert admin_client.get(f"{asked}?seen=running-120", headers=HTMX).status_code == 204
    response = admin_client.get(f"{asked}?seen=running-60", headers=HTMX)
    assert "120 of about 480 outcomes" in text(response)
    assert 'value="25"' in response.content.decode()
    assert "Stop" not in text(response)
    assert "Stop" in text(admin_client.get(address(change)))
    assert admin_client.get(asked).headers["Location"] == address(change)
    assert admin_client.get(address(change, "runs/nonsense"), headers=HTMX).status_code == 302


def test_who_listens_hears_each_tenth_once_in_a_place_that_stays(
    cast: Cast, admin_client: Client
) -> None:
    change = propose(as_admin(cast))
    under_way(change, state="running", token="0" * 32, beat_at=NOW, done=120, total=480)
    page = admin_client.get(address(change)).content.decode()
    assert page.count('role="status" aria-live="polite"></p>') == 1
    asked = address(change, "runs/test")
    told = text(admin_client.get(f"{asked}?said=running-begun-1", headers=HTMX))
    assert "Under way: 20 %." in told
    told = text(admin_client.get(f"{asked}?said=running-begun-2", headers=HTMX))
    assert "Under way" not in told
    part = admin_client.get(address(change), headers=HTMX).content.decode()
    assert 'role="status"' not in part


def test_one_that_waits_for_long_says_why_and_is_asked_about_less_often(
    cast: Cast, admin_client: Client
) -> None:
    change, other = propose(as_admin(cast)), propose(as_admin(cast), rule="another-rule")
    under_way(change, asked_at=timezone.now() - timedelta(seconds=61))
    asked = f"{address(change, 'runs/test')}?seen=queued-0"

    def told() -> str:
        response = admin_client.get(asked, headers=HTMX)
        assert 'hx-trigger="every 5s"' in response.content.decode()
        return text(response)

    assert "No worker has been seen for a minute" in told()
    worker_beat(lane=Lane.ADMIN, in_flight=1)
    assert "No worker has been seen for a minute" in told()
    worker_beat(lane=Lane.SCHEDULE, in_flight=1)
    assert "All workers are busy with other work" in told()
    under_way(other, state="running", token="0" * 32, beat_at=Now())
    assert "Another test is under way" in told()
    seen = f"{address(change, 'runs/test')}?seen=queued-busy"
    assert admin_client.get(seen, headers=HTMX).status_code == 204


def test_once_it_is_over_the_page_is_told_and_asks_no_more(
    cast: Cast, admin_client: Client
) -> None:
    change = make_tested(cast)
    response = admin_client.get(address(change, "runs/test"), headers=HTMX)
    assert response.headers["HX-Trigger"] == "rule-change-tested"
    assert text(response) == "The test is done."
    assert "every 1s" not in admin_client.get(address(change)).content.decode()


def test_the_result_is_a_sentence_first_and_then_tables(cast: Cast, admin_client: Client) -> None:
    change = passed(propose(as_admin(cast)))
    ada = make_person(cast.acme, name="Ada Lovelace")
    theirs = make_person(cast.globex, name="Theirs")
    span = Span(NOW - 3 * HOUR, NOW - HOUR, "stalled", "google-access-revoked", "degraded", "")
    found = result(
        people_moved=12,
        people_reworded=3,
        breakdown=(Shift("unknown", None, "record", "aisle-blocked", 3, 2),),
        moved=(Moved(ada.pk, 7_200, (span,)), Moved(theirs.pk, 60, (span,))),
        alerts_dropped=(AlertShift("opened", "google-access-revoked", 5, NOW, NOW - HOUR),),
        alerts_dropped_total=3,
        alerts_added=(AlertShift("opened", "aisle-blocked", 4, NOW, NOW - HOUR),),
        alerts_added_total=1,
        worst_hour=WorstHour(NOW - 3 * HOUR, 9),
    )
    make_run(change, result=as_json(found))
    response = admin_client.get(address(change))
    page = text(response)
    for words in (
        (
            "12 of 100 people (12 %) would have had another status or reason to act; 3 of 9,000 "
            "outcomes get another verdict; 3 alerts less, 1 more; worst hour 10:00 with 9 people."
        ),
        "3 more people would have had another reason for the same status.",
        "An error that is not recognised yet Not clear what is wrong",
        "The aisle is blocked One event only",
        "Ada Lovelace 10:00 to 12:00 Needs attention · Google access was revoked Delayed",
        "and 10 more, each for a shorter time",
        "Alerts that would not have gone out",
        "and 2 more.",
        "Alerts that would have gone out in addition",
        "Tested just now",
    ):
        assert words in page, words
    assert f"/o/acme/people/{ada.pk}/" in markup(response).links
    assert "Theirs" not in page


def test_a_tested_draft_goes_live_and_history_can_be_judged_again(
    cast: Cast, admin_client: Client
) -> None:
    change = make_tested(cast)
    page = said(admin_client, change, "live")
    assert "The rule is live. It judges every error from now on." in page
    assert "Live: The aisle is blocked" in page
    assert f"live as version {VERSION}.1" in page
    page = said(admin_client, change, "rejudge")
    assert "Waits for a free worker" in page
    assert BackTest.objects.get(state="queued").kind == "rejudge"
    BackTest.objects.filter(state="queued").update(
        state="done", finished_at=NOW, result=as_json(result(outcomes_changed=0))
    )
    page = text(admin_client.get(address(change)))
    assert "None of 9,000 outcomes needed another verdict." in page


def test_what_moves_many_waits_for_somebody_else(cast: Cast, admin_client: Client) -> None:
    change = make_tested(cast, people_moved=50)
    page = text(admin_client.get(address(change)))
    assert "it moves more than 10 % of the people, so somebody else must approve it" in page
    page = said(admin_client, change, "live")
    assert "so it waits for somebody else's approval" in page
    assert "You proposed it, so somebody else must approve it." in page
    assert buttons(admin_client.get(address(change))) == ["Test again", "Withdraw"]
    refused = said(admin_client, change, "approve")
    assert "You proposed this change, so somebody else must approve it." in refused
    other = colleague(cast)
    assert buttons(other.get(address(change))) == ["Approve", "Test again", "Withdraw"]
    assert "Approved. The rule is live" in said(other, change, "approve")
    assert RuleChange.objects.get(pk=change.pk).state == "live"


def test_refusals_are_said_on_the_page(cast: Cast, admin_client: Client) -> None:
    change = propose(as_admin(cast))
    untested = said(admin_client, change, "live")
    assert "Test the change on past outcomes before it goes live." in untested
    change = passed(change)
    make_run(change)
    make_live(as_admin(cast), rule="another-rule", definition=definition(codes=["X"]))
    page = text(admin_client.get(address(change)))
    assert "Other rules have changed since this test." in page
    assert "Go live" not in page
    assert "Other rules have changed since" in said(admin_client, change, "live")
    assert RuleChange.objects.get(pk=change.pk).state == "draft"


def test_a_change_is_withdrawn_and_then_nothing_can_be_done_with_it(
    cast: Cast, admin_client: Client
) -> None:
    change = make_tested(cast)
    page = said(admin_client, change, "withdraw")
    assert "Withdrawn. The rules stay as they are." in page
    assert "Withdrawn: The aisle is blocked" in page
    assert buttons(admin_client.get(address(change))) == []
    for deed in ("live", "approve", "withdraw", "test", "rejudge"):
        refusal = said(admin_client, change, deed)
        assert "This change was withdrawn." in refusal


def test_a_test_can_be_stopped_and_asked_for_again(cast: Cast, admin_client: Client) -> None:
    change = propose(as_admin(cast))
    admin_client.post(address(change, "test"))
    page = said(admin_client, change, "stop")
    assert "The test was stopped before it came to an end." in page
    assert "Test on the last 30 days" in page
    assert "It was over already." in said(admin_client, change, "stop")


def test_a_test_that_failed_says_why(cast: Cast, admin_client: Client) -> None:
    change = propose(as_admin(cast))
    make_run(change, state="failed", result=None, error="Something went wrong.")
    page = text(admin_client.get(address(change)))
    assert "The test failed. Something went wrong." in page
    assert "Test on the last 30 days" in page


def test_a_draft_is_written_anew(cast: Cast, admin_client: Client) -> None:
    change = make_tested(cast)
    form = admin_client.get(address(change, "edit/")).context["form"]
    assert form.initial["title"] == "The aisle is blocked"
    assert form.initial["reason"] == "People asked what it means."
    sent = {name: value for name, value in form.initial.items() if value}
    response = admin_client.post(address(change, "edit/"), sent | {"title": "Clearer"})
    newer = RuleChange.objects.open().get()
    assert response.headers["Location"] == address(newer)
    assert newer.after == definition(id="aisle-blocked", title="Clearer")
    assert newer.tested_at is None
    assert admin_client.get(address(change, "edit/")).status_code == 404


def test_a_change_that_takes_a_rule_away_is_explained(cast: Cast, admin_client: Client) -> None:
    make_live(as_admin(cast))
    change = propose(as_admin(cast), definition=None)
    page = text(admin_client.get(address(change)))
    assert "Takes the rule away. Errors that only it knows are unrecognised from then on." in page
    assert "Edit draft" not in page
    assert admin_client.get(address(change, "edit/")).status_code == 404


def test_htmx_is_given_what_the_test_changes(cast: Cast, admin_client: Client) -> None:
    change = make_tested(cast)
    html = admin_client.get(address(change), headers=HTMX).content.decode()
    assert "<html" not in html
    assert 'id="change"' in html
    assert "Go live" in html


def test_a_viewer_sees_all_and_changes_nothing(cast: Cast) -> None:
    change = make_tested(cast)
    viewer = client_of(cast.viewer)
    response = viewer.get(address(change))
    assert "None of 100 people would have had another status or reason to act" in text(response)
    assert buttons(response) == []
    for deed in ("test", "stop", "live", "approve", "withdraw", "rejudge", "edit/"):
        assert viewer.post(address(change, deed)).status_code == 403, deed
    assert RuleChange.objects.get(pk=change.pk).state == "draft"
    assert BackTest.objects.count() == 1


def test_strangers_find_nothing(cast: Cast, admin_client: Client) -> None:
    change = make_tested(cast)
    theirs = propose(access_for(cast.stranger, "globex"))
    stranger = client_of(cast.stranger)
    for deed in ("", "runs/test", "edit/"):
        assert stranger.get(address(change, deed)).status_code == 404
        assert stranger.get(address(change, deed, "globex")).status_code == 404
        assert admin_client.get(address(theirs, deed)).status_code == 404
        assert Client().get(address(change, deed)).status_code == 302
    for deed in ("live", "withdraw", "test"):
        assert stranger.post(address(change, deed, "globex")).status_code == 404
        assert admin_client.post(address(theirs, deed)).status_code == 404
    assert admin_client.post(address(change, "nonsense")).status_code == 404


def test_other_methods_are_refused(cast: Cast, admin_client: Client) -> None:
    change = make_tested(cast)
    assert admin_client.post(address(change)).status_code == 405
    assert admin_client.get(address(change, "live")).status_code == 405
    assert admin_client.post(address(change, "runs/test")).status_code == 405
    assert admin_client.put(address(change, "edit/")).status_code == 405


def test_the_operators_drafts_and_tests_are_for_staff_only(
    cast: Cast, admin_client: Client
) -> None:
    staff = access_for(cast.staff, "acme")
    change = passed(propose(staff, organization=None))
    moved = OrganizationMoved(cast.globex.pk, 900, 3, 50, 4)
    make_run(change, result=as_json(result(people_moved=4, organizations=(moved,))))
    assert admin_client.get(address(change)).status_code == 404
    page = text(client_of(cast.staff).get(address(change)))
    assert "All organizations" in page
    assert "Globex 4 of 50 8 %" in page
    rule_change_go_live(access=staff, change=change, now=NOW)
    response = admin_client.get(address(change))
    assert response.status_code == 200
    page = text(response)
    assert "Globex" not in page
    assert "would have had another status or reason to act" not in page
    assert "Judge the last 30 days again" not in page
    assert admin_client.post(address(change, "rejudge")).status_code == 403


def test_support_staff_of_no_role_act_as_admins(cast: Cast) -> None:
    change = waiting(cast)
    assert "Approved." in said(client_of(cast.staff), change, "approve")


def test_staff_who_only_look_there_may_only_look(cast: Cast) -> None:
    user = make_user(is_staff=True)
    make_member(cast.acme, user=user, role=Role.VIEWER)
    change = passed(propose(access_for(cast.staff, "acme"), organization=None))
    client = client_of(user)
    assert "Go live" not in text(client.get(address(change)))
    assert client.post(address(change, "live")).status_code == 403


@pytest.mark.parametrize("size", [1, 40])
def test_a_change_takes_at_most_eleven_statements_at_any_size(
    cast: Cast,
    admin_client: Client,
    django_assert_max_num_queries: DjangoAssertNumQueries,
    size: int,
) -> None:
    change = passed(propose(as_admin(cast)))
    span = Span(NOW - HOUR, None, "stalled", "silent", "degraded", "overdue")
    people = [make_person(cast.acme) for _ in range(size)]
    moved = tuple(Moved(person.pk, 60, (span,)) for person in people)
    make_run(change, result=as_json(result(people_moved=size, moved=moved)))
    with django_assert_max_num_queries(11):
        response = admin_client.get(address(change))
    assert len(response.context["test_result"]["moved"]) == size
    with django_assert_max_num_queries(5):
        admin_client.get(address(change, "runs/test"), headers=HTMX)


@pytest.mark.parametrize("state", ["failed", "stopped"])
def test_a_test_without_an_end_asks_for_another_and_an_earlier_one_lets_nothing_go_live(
    cast: Cast, admin_client: Client, state: str
) -> None:
    change = make_tested(cast)
    admin_client.post(address(change, "test"))
    BackTest.objects.filter(state="queued").update(state=state, finished_at=NOW)
    response = admin_client.get(address(change))
    assert buttons(response) == ["Test on the last 30 days", "Withdraw"]
    assert "Test the change on past outcomes" in said(admin_client, change, "live")


def test_a_change_that_waits_is_not_said_to_move_people_while_nothing_tells(
    cast: Cast, admin_client: Client
) -> None:
    change = waiting(cast)
    assert "waits for a second look" in text(admin_client.get(address(change)))
    admin_client.post(address(change, "test"))
    BackTest.objects.filter(state="queued").update(state="stopped", finished_at=NOW)
    page = text(colleague(cast).get(address(change)))
    assert "The test was stopped" in page
    assert "waits for a second look" not in page
    assert "Approve" not in page


def test_an_old_test_must_be_done_again(cast: Cast, admin_client: Client) -> None:
    change = passed(propose(as_admin(cast), now=NOW - timedelta(days=2)))
    make_run(change)
    page = admin_client.get(address(change))
    assert "This test is more than 24 hours old." in text(page)
    assert "Go live" not in buttons(page)
    assert "more than 24 hours ago" in said(admin_client, change, "live")


def test_what_was_tested_on_nobody_waits_and_says_so(cast: Cast, admin_client: Client) -> None:
    change = make_tested(cast, people=0, people_moved=0)
    assert "there was nobody to test it on" in text(admin_client.get(address(change)))
    page = said(admin_client, change, "live")
    assert "was tested on nobody, so it waits" in page
    assert "There was nobody to test it on, so it waits for a second look." in page


@pytest.mark.parametrize(("share", "words"), [(0, "0 %"), (0.15, "15 %"), (0.005, "0.5 %")])
def test_the_share_that_takes_a_second_look_is_said_as_it_is_set(
    cast: Cast, admin_client: Client, settings: Settings, share: float, words: str
) -> None:
    settings.SECOND_LOOK_SHARE = share
    change = make_tested(cast, people_moved=50)
    assert f"it moves more than {words} of the people" in text(admin_client.get(address(change)))
