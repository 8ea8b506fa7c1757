from __future__ import annotations

from typing import Any

import pytest
from django.core.exceptions import PermissionDenied
from django.test import Client

from accounts.access import access_for
from monitoring.audit.models import AuditEntry
from monitoring.console import saved_views
from monitoring.console.models import SavedView
from monitoring.console.saved_views import ViewRefusedError, saved_view_change, saved_view_save
from tests.factories import NOW, make_member
from tests.monitoring.console.conftest import Cast, client_of
from tests.monitoring.console.makers import make_unwell
from tests.monitoring.console.markup import markup, text

PEOPLE, VIEWS = "/o/acme/people/", "/o/acme/people/views/"


def make_view(user: Any, slug: str = "acme", **overrides: Any) -> SavedView:
    given = {"name": "Broken", "query": "status=stalled", "shared": False, "now": NOW}
    return saved_view_save(access=access_for(user, slug), **given | overrides)


def test_a_list_is_saved_under_a_name_and_opened_by_its_address(
    cast: Cast, admin_client: Client
) -> None:
    make_unwell(cast.acme, "stalled", "silent", name="Ada")
    query = "status=stalled&sort=-person&page=4&per=25&columns=team"
    response = admin_client.post(VIEWS, {"name": "  Broken  ones ", "query": query})
    view = SavedView.objects.get()
    assert (view.name, view.user, view.shared) == ("Broken ones", cast.admin, False)
    assert view.query == "status=stalled&sort=-person&per=25&columns=team"
    assert response.headers["Location"] == f"{PEOPLE}?view={view.pk}"
    opened = admin_client.get(response.headers["Location"], follow=True)
    assert opened.redirect_chain == [(f"{PEOPLE}?{view.query}&view={view.pk}", 302)]
    assert [row.name for row in opened.context["rows"]] == ["Ada"]
    assert opened.context["saved"]["current"] == view
    assert not opened.context["saved"]["changed"]
    assert "The view “Broken ones” is saved." in text(opened)
    assert not AuditEntry.objects.exists()


def test_a_view_of_everybody_as_usual_is_opened_too(cast: Cast, admin_client: Client) -> None:
    make_unwell(cast.acme, "stalled", "silent", name="Ada")
    view = make_view(cast.admin, query="")
    opened = admin_client.get(PEOPLE, {"view": view.pk})
    assert opened.status_code == 200
    assert [row.name for row in opened.context["rows"]] == ["Ada"]
    assert opened.context["saved"]["current"] == view
    assert not opened.context["saved"]["changed"]


@pytest.mark.parametrize("query", ["bad=1", "alert=x", "status=nonsense", "status=stalled&error=0"])
def test_a_list_of_more_people_than_were_meant_is_not_saved(
    cast: Cast, admin_client: Client, query: str
) -> None:
    view = make_view(cast.admin)
    response = admin_client.post(VIEWS, {"name": "New", "query": query}, follow=True)
    assert "The view was not saved. Part of what it is narrowed by makes no sense" in text(response)
    response = admin_client.post(f"{VIEWS}{view.pk}", {"query": query}, follow=True)
    assert "The view was not changed. Part of what it is narrowed by" in text(response)
    assert [(each.name, each.query) for each in SavedView.objects.all()] == [
        ("Broken", "status=stalled")
    ]
    admin_client.post(f"{VIEWS}{view.pk}", {"name": "Stalled", "query": query})
    assert SavedView.objects.get().name == "Stalled"


def test_a_view_that_was_narrowed_further_says_so(cast: Cast, admin_client: Client) -> None:
    view = make_view(cast.admin)
    response = admin_client.get(PEOPLE, {"view": view.pk, "status": "stalled", "team": "Sales"})
    assert response.context["saved"]["changed"]
    query = f"status=degraded&view={view.pk}"
    response = admin_client.post(f"{VIEWS}{view.pk}", {"query": query})
    assert response.status_code == 302
    view.refresh_from_db()
    assert (view.name, view.query) == ("Broken", "status=degraded")


def test_a_view_is_renamed_and_deleted(cast: Cast, admin_client: Client) -> None:
    view = make_view(cast.admin)
    admin_client.post(f"{VIEWS}{view.pk}", {"name": "Stalled", "query": "status=healthy"})
    view.refresh_from_db()
    assert (view.name, view.query) == ("Stalled", "status=stalled")
    response = admin_client.post(f"{VIEWS}{view.pk}/delete", {"query": "status=stalled"})
    assert response.headers["Location"] == f"{PEOPLE}?status=stalled"
    assert not SavedView.objects.exists()


def test_ones_own_views_are_seen_by_nobody_else(cast: Cast, admin_client: Client) -> None:
    other = make_member(cast.acme).user
    view = make_view(other, name="Private to other")
    page = admin_client.get(PEOPLE, {"view": view.pk})
    assert "Private to other" not in text(page)
    assert "not there, or is not shared with you" in text(page)
    for address in (f"{VIEWS}{view.pk}", f"{VIEWS}{view.pk}/delete"):
        assert admin_client.post(address, {"name": "x"}).status_code == 404


def test_a_shared_view_is_open_to_all_and_changed_by_any_admin(cast: Cast) -> None:
    view = make_view(cast.admin, shared=True)
    for user in (cast.viewer, cast.staff):
        assert "Broken" in text(client_of(user).get(PEOPLE))
    assert client_of(cast.viewer).post(f"{VIEWS}{view.pk}/delete").status_code == 403
    assert client_of(cast.staff).post(f"{VIEWS}{view.pk}", {"name": "New"}).status_code == 302
    assert client_of(cast.staff).post(f"{VIEWS}{view.pk}/delete").status_code == 302
    told = AuditEntry.objects.order_by("id").values_list("action", "author_name")
    assert [action for action, _ in told] == ["view.share", "view.change", "view.delete"]


def test_a_viewer_saves_views_but_shares_none(cast: Cast) -> None:
    client = client_of(cast.viewer)
    assert client.post(VIEWS, {"name": "Mine", "query": ""}).status_code == 302
    assert client.post(VIEWS, {"name": "Ours", "query": "", "shared": "on"}).status_code == 403
    assert [view.name for view in SavedView.objects.all()] == ["Mine"]
    assert "view_shared" not in markup(client.get(PEOPLE)).ids


@pytest.mark.parametrize("name", ["", "  ", "\x00", "x" * 81, "Broken"])
def test_a_name_that_cannot_be_is_refused_and_stays_in_the_field(
    cast: Cast, admin_client: Client, name: str
) -> None:
    make_view(cast.admin)
    response = admin_client.post(VIEWS, {"name": name, "query": "team=Sales"}, follow=True)
    assert response.redirect_chain == [(f"{PEOPLE}?team=Sales", 302)]
    assert "The view was not saved." in text(response)
    if name == "Broken":
        assert 'name="name" value="Broken"' in response.content.decode()
    assert SavedView.objects.count() == 1


def test_a_rename_to_a_name_there_is_already_is_refused(cast: Cast, admin_client: Client) -> None:
    make_view(cast.admin, name="First")
    view = make_view(cast.admin, name="Second")
    response = admin_client.post(f"{VIEWS}{view.pk}", {"name": "First"}, follow=True)
    assert "is there already" in text(response)
    view.refresh_from_db()
    assert view.name == "Second"


def test_a_list_narrowed_by_too_much_is_not_saved(cast: Cast) -> None:
    with pytest.raises(ViewRefusedError):
        make_view(cast.admin, query="q=" + "x" * 2_000)


def test_nobody_collects_views_without_end(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(saved_views, "MOST", 1)
    make_view(cast.admin)
    with pytest.raises(ViewRefusedError):
        make_view(cast.admin, name="One more")


def test_views_of_another_organization_are_not_there(cast: Cast, admin_client: Client) -> None:
    theirs = make_view(cast.stranger, "globex", shared=True, name="Theirs")
    assert "Theirs" not in text(admin_client.get(PEOPLE))
    assert admin_client.post(f"{VIEWS}{theirs.pk}/delete").status_code == 404
    with pytest.raises(PermissionDenied):
        saved_view_change(access=access_for(cast.admin, "acme"), view=theirs, now=NOW, name="x")


@pytest.mark.parametrize("address", [VIEWS, VIEWS + "1", VIEWS + "1/delete"])
def test_views_are_only_posted_to_by_members(
    cast: Cast, admin_client: Client, address: str
) -> None:
    assert admin_client.get(address).status_code == 405
    assert client_of(cast.stranger).post(address).status_code == 404
