"""Saved views: lists of people with a name, one's own or shared with the organization."""

from __future__ import annotations

from datetime import datetime

from django.core.exceptions import PermissionDenied
from django.db import IntegrityError, transaction

from accounts.access import Access
from monitoring.actions.incidents import name_of
from monitoring.audit.log import audit_entry_write
from monitoring.console.addresses import whole_number
from monitoring.console.models import NAME_LENGTH, QUERY_LENGTH, SavedView, SavedViewQuerySet

MOST = 100


class ViewRefusedError(Exception):
    """A view that can't be saved so; the message is a sentence for its author."""


def saved_views_of(access: Access) -> SavedViewQuerySet:
    """Return the views the user can open there, by name."""
    views: SavedViewQuerySet = SavedView.objects.visible_to(access)
    return views.open_to(access.user).order_by("name", "id")


def view_named(access: Access, number: str) -> SavedView | None:
    """Return the view of that number if it is there and open to the user."""
    view: SavedView | None = saved_views_of(access).filter(pk=whole_number(number)).first()
    return view


def may_change(access: Access, view: SavedView) -> bool:
    """Tell whether the user may rename or delete a view: their own, a shared one as an admin."""
    return access.may_change if view.shared else view.user_id == access.user.pk


@transaction.atomic
def saved_view_save(
    *, access: Access, name: str, query: str, shared: bool, now: datetime
) -> SavedView:
    """Keep a list of people under a name.

    Raises PermissionDenied for who may only look and wants to share, and ViewRefusedError.
    """
    if shared:
        access.require_change()
    own = SavedView.objects.visible_to(access).filter(user=access.user)
    if own.count() >= MOST:
        raise ViewRefusedError(f"You have {MOST} views already. Delete one you no longer need.")
    view = SavedView(
        organization=access.organization,
        user=access.user,
        user_name=name_of(access.user),
        name=checked_name(name),
        query=checked_query(query),
        shared=shared,
        created_at=now,
        changed_at=now,
    )
    written(view)
    if shared:
        tell(access, "view.share", view, now)
    return view


@transaction.atomic
def saved_view_change(
    *,
    access: Access,
    view: SavedView,
    now: datetime,
    name: str | None = None,
    query: str | None = None,
) -> None:
    """Give a view another name or another list. Raises PermissionDenied and ViewRefusedError."""
    require_change(access, view)
    if name is not None:
        view.name = checked_name(name)
    if query is not None:
        view.query = checked_query(query)
    view.changed_at = now
    written(view, ["name", "query", "changed_at"])
    if view.shared:
        tell(access, "view.change", view, now)


@transaction.atomic
def saved_view_delete(*, access: Access, view: SavedView, now: datetime) -> None:
    """Delete a view. Raises PermissionDenied for who may not."""
    require_change(access, view)
    if view.shared:
        tell(access, "view.delete", view, now)
    view.delete()


def require_change(access: Access, view: SavedView) -> None:
    if view.organization_id != access.organization.pk:
        raise PermissionDenied("This view belongs to another organization.")
    if not may_change(access, view):
        raise PermissionDenied("Only its author, or an admin for a shared one, changes a view.")


def checked_name(name: str) -> str:
    name = " ".join(name.replace("\x00", "").split())
    if not name:
        raise ViewRefusedError("Give the view a name.")
    if len(name) > NAME_LENGTH:
        raise ViewRefusedError(f"Choose a name of at most {NAME_LENGTH} characters.")
    return name


def checked_query(query: str) -> str:
    if len(query) > QUERY_LENGTH:
        raise ViewRefusedError("This list is narrowed by too long a text to be saved.")
    return query


def written(view: SavedView, fields: list[str] | None = None) -> None:
    """Store the view, unless its author has another of that name."""
    try:
        with transaction.atomic():
            view.save(update_fields=fields)
    except IntegrityError as taken:
        raise ViewRefusedError(
            f"A view of the name “{view.name}” is there already. Choose another name."
        ) from taken


def tell(access: Access, action: str, view: SavedView, now: datetime) -> None:
    audit_entry_write(
        organization=access.organization,
        action=action,
        now=now,
        author=access.user,
        detail={"view": view.pk, "name": view.name, "query": view.query},
    )
