"""How many actions run or wait for approval: the number that the navigation of every page shows."""

from __future__ import annotations

from typing import Any

from django.db.models import Count, QuerySet, Subquery
from django.db.models.functions import Coalesce

from accounts.access import Access
from monitoring.actions.models import Action, ActionState

AT_HAND = (ActionState.APPROVAL, ActionState.RUNNING)


def with_actions(organizations: QuerySet[Any], access: Access) -> QuerySet[Any]:
    """Add the number to each of the organizations a page lists, to be had with them."""
    counted = actions_at_hand(access).values("organization").annotate(number=Count("pk"))
    return organizations.annotate(at_hand=Coalesce(Subquery(counted.values("number")), 0))


def actions_at_hand(access: Access) -> QuerySet[Action]:
    found: QuerySet[Action] = Action.objects.visible_to(access).filter(state__in=AT_HAND)
    return found.order_by()
