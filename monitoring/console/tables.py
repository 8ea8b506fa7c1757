"""The table of people: its columns, its orders and how a page of it is read.

django-tables2 keeps columns, order and page; rows are written by our own template, from the plain
words of `people.Row`, at a fifth of the cost of its cell machinery.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypedDict

import django_tables2 as tables
from django.core.paginator import Page, Paginator
from django.db.models import F, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.utils.functional import cached_property
from django_tables2.data import TableQuerysetData

from monitoring.health.models import Health, HealthQuerySet, Policy

if TYPE_CHECKING:
    from django_stubs_ext import WithAnnotations

    DetailedHealth = WithAnnotations[Health, "Details"]

PER_PAGE = 50
# Nobody reads further; who looks for somebody searches. Deep pages cost the database the most.
LAST_PAGE = 200
COUNT_LIMIT = 1_000
BASE_INTERVAL = Policy._meta.get_field("base_interval").default


class Details(TypedDict):
    """What `with_details` adds to a health row."""

    base_interval: int


def with_details(people: HealthQuerySet) -> QuerySet[DetailedHealth]:
    """Add person, hold and base interval to each row, without a statement more."""
    policy = Policy.objects.filter(organization=OuterRef("organization"))
    base: Any = Coalesce("own_interval", Subquery(policy.values("base_interval")), BASE_INTERVAL)
    detailed: Any = people.select_related("person", "hold").annotate(base_interval=base)
    return detailed


class PeopleData(TableQuerysetData):
    """Reads a page in one statement that sorts keys only, then fetches just the rows shown."""

    def __getitem__(self, key: Any) -> Any:
        if not isinstance(key, slice):
            return super().__getitem__(key)
        page = Health.objects.filter(pk__in=self.data.values("pk")[key])
        return list(with_details(page).order_by(*self.data.query.order_by))


class CountedPaginator(Paginator):
    """Knows the count from the figures, or counts no further than COUNT_LIMIT."""

    def __init__(self, rows: Any, per_page: int, *, known: int | None, **options: Any) -> None:
        super().__init__(rows, per_page, **options)
        self.known = known

    @cached_property
    def count(self) -> int:
        """How many people can be paged through."""
        if self.known is not None:
            return min(self.known, LAST_PAGE * self.per_page)
        return min(self.counted, COUNT_LIMIT)

    @cached_property
    def counted(self) -> int:
        rows: Any = self.object_list
        people: HealthQuerySet = rows.data.data
        return people.order_by()[: COUNT_LIMIT + 1].count()

    @property
    def total(self) -> int:
        """How many people there are, at least; `more` tells whether there are more."""
        return self.count if self.known is None else self.known

    @property
    def more(self) -> bool:
        return self.known is None and self.counted > COUNT_LIMIT

    def ends_at(self, page: Page) -> bool:
        """Tell whether this is the last page although there are more people."""
        return not page.has_next() and (self.more or self.count < self.total)


class PeopleTable(tables.Table):
    person = tables.Column(verbose_name="Person")
    status = tables.Column(verbose_name="Status")
    recent = tables.Column(verbose_name="Last 24 runs", orderable=False)
    last_good = tables.Column(verbose_name="Last good run")
    next_run = tables.Column(verbose_name="Next run")
    interval = tables.Column(verbose_name="Interval")

    class Meta:
        template_name = "console/people_table.html"
        order_by = "status"
        order_by_field = "sort"
        per_page = PER_PAGE

    @property
    def people(self) -> list[DetailedHealth]:
        """The people of the page, with what a row says of them."""
        page: Any = self.page
        return page.object_list.data

    def order_status(self, people: HealthQuerySet, descending: bool) -> Any:
        return best_first(people) if descending else people.worst_first(), True

    def order_person(self, people: HealthQuerySet, descending: bool) -> Any:
        # Says again what the database holds anyway, to let it read people by its index of names.
        same = people.filter(person__organization=F("organization"))
        return ordered(same, descending, "person__name"), True

    def order_last_good(self, people: HealthQuerySet, descending: bool) -> Any:
        return ordered(people, descending, "last_success_at"), True

    def order_next_run(self, people: HealthQuerySet, descending: bool) -> Any:
        return ordered(people, descending, "next_due"), True

    def order_interval(self, people: HealthQuerySet, descending: bool) -> Any:
        return ordered(people, descending, "interval"), True


def best_first(people: HealthQuerySet) -> HealthQuerySet:
    """Order by severity the other way round, which reads the same index backwards."""
    return people.order_by("-severity", F("unwell_since").desc(nulls_first=True), "-person_id")


def ordered(people: HealthQuerySet, descending: bool, field: str) -> HealthQuerySet:
    """Order by a field and, for a page to have one order only, by id; empty ones come last."""
    if descending:
        return people.order_by(F(field).desc(nulls_last=True), "-person_id")
    return people.order_by(F(field).asc(nulls_last=True), "person_id")
