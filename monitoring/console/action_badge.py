"""How many actions run or wait for approval: the number that the navigation of every page shows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db.models import Count, QuerySet, Subquery
from django.db.models.functions import Coalesce

from accounts.access import Access
from monitoring.actions.models import Action, ActionState

if TYPE_CHECKING:
    from accounts.models import Organization

AT_HAND = (ActionState.APPROVAL, ActionState.RUNNING)


def with_actions(organizations: QuerySet[Any], access: Access) -> QuerySet[Any]:
    """Add the number to each of the organizations a page lists, to be had with them."""
    counted = actions_at_hand(access).values("organization").annotate(number=Count("pk"))
    return organizations.annotate(at_hand=Coalesce(Subquery(counted.values("number")), 0))


def actions_in(organizations: QuerySet[Any], access: Access) -> int:
    """Return the number; only who belongs to no organization, support staff, costs a statement."""
    first: Organization | None = next(iter(organizations), None)
    if first is None:
        return actions_at_hand(access).count()
    number: int = first.at_hand  # type: ignore[attr-defined]  # with_actions annotates it
    return number


def actions_at_hand(access: Access) -> QuerySet[Action]:
    found: QuerySet[Action] = Action.objects.visible_to(access).filter(state__in=AT_HAND)
    return found.order_by()
