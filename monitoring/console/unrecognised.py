"""How many kinds of error no rule knows: the number that the navigation of every page shows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db.models import Count, QuerySet, Subquery
from django.db.models.functions import Coalesce

from accounts.access import Access
from accounts.models import Organization
from monitoring.errors.models import UnrecognisedError

if TYPE_CHECKING:
    from typing import TypedDict

    from django_stubs_ext import WithAnnotations

    class Number(TypedDict):
        unrecognised: int

    Counted = WithAnnotations[Organization, Number]


def with_unrecognised(organizations: QuerySet[Organization], access: Access) -> QuerySet[Counted]:
    """Add the number to each of the organizations a page lists, to be had with them."""
    counted = open_errors(access).values("organization").annotate(number=Count("pk"))
    return organizations.annotate(unrecognised=Coalesce(Subquery(counted.values("number")), 0))


def open_errors(access: Access) -> QuerySet[UnrecognisedError]:
    return UnrecognisedError.objects.visible_to(access).open().order_by()
