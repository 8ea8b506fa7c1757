"""The table of people: its columns, its orders and how a page of it is read.

django-tables2 keeps columns, order and page; rows are written by our own template, from the plain
words of `people.Row`, at a fifth of the cost of its cell machinery.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypedDict

import django_tables2 as tables
from django.core.paginator import Page, Paginator
from django.db.models import F, OuterRef, QuerySet, Subquery
from django.utils.functional import cached_property
from django_tables2.data import TableQuerysetData

from accounts.models import Connection, Provider
from monitoring.console.addresses import PER_PAGE
from monitoring.console.columns import COLUMNS
from monitoring.console.filters import usual_interval
from monitoring.console.last_deed import with_last_deed
from monitoring.health.models import Health, HealthQuerySet

if TYPE_CHECKING:
    from django_stubs_ext import WithAnnotations

    DetailedHealth = WithAnnotations[Health, "Details"]
    ListedHealth = WithAnnotations[Health, "Listed"]

# Nobody reads further; who looks for somebody searches. Deep pages cost the database the most.
LAST_PERSON = 10_000
COUNT_LIMIT = 1_000


class Details(TypedDict):
    """What `with_details` adds to a health row."""

    base_interval: int


class Listed(Details):
    """What `as_listed` adds; `google_state` and `salesforce_state` only where asked for."""

    last_deed: dict[str, Any] | None
    google_state: str | None
    salesforce_state: str | None


def with_details(people: HealthQuerySet) -> QuerySet[DetailedHealth]:
    """Add person, hold and base interval to each row, without a statement more."""
    with_all = people.select_related("person", "hold").defer("person__search")
    detailed: Any = with_all.annotate(base_interval=usual_interval())
    return detailed


def with_connections(people: QuerySet[Any], columns: Collection[str]) -> QuerySet[Any]:
    """Add the state of each connection that has a column, null where there is none."""
    states = {
        f"{provider.value}_state": Subquery(
            Connection.objects.filter(
                person=OuterRef("pk"), organization=OuterRef("organization"), provider=provider
            ).values("state")
        )
        for provider in Provider
        if provider.value in columns
    }
    return people.annotate(**states)


def as_listed(
    people: HealthQuerySet, columns: Collection[str], now: datetime
) -> QuerySet[ListedHealth]:
    """Add all that a row of the list says, without a statement more."""
    return with_last_deed(with_connections(with_details(people), columns), now)


class PeopleData(TableQuerysetData):
    """Reads a page in one statement that sorts keys only, then fetches just the rows shown."""

    def __init__(self, people: HealthQuerySet, columns: Collection[str], now: datetime) -> None:
        super().__init__(people)
        self.columns, self.now = columns, now

    def __getitem__(self, key: Any) -> Any:
        if not isinstance(key, slice):
            return super().__getitem__(key)
        page = Health.objects.filter(pk__in=self.data.values("pk")[key])
        return list(as_listed(page, self.columns, self.now).order_by(*self.data.query.order_by))


class CountedPaginator(Paginator):
    """Knows the count from the figures, or counts no further than COUNT_LIMIT."""

    def __init__(self, rows: Any, per_page: int, *, known: int | None, **options: Any) -> None:
        super().__init__(rows, per_page, **options)
        self.known = known

    @cached_property
    def count(self) -> int:
        """How many people can be paged through."""
        if self.known is not None:
            return min(self.known, LAST_PERSON)
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


TITLES = {column.name: column.title for column in COLUMNS}


def chosen_column(name: str, *, orderable: bool = True) -> tables.Column:
    return tables.Column(verbose_name=TITLES[name], orderable=orderable)


class PeopleTable(tables.Table):
    """Sorts by every column there is; shows person, status and those named in `columns`."""

    person = tables.Column(verbose_name="Person")
    status = tables.Column(verbose_name="Status")
    team = chosen_column("team")
    since = chosen_column("since")
    kind = chosen_column("kind", orderable=False)
    recent = chosen_column("recent", orderable=False)
    last_attempt = chosen_column("last_attempt")
    last_good = chosen_column("last_good")
    next_run = chosen_column("next_run")
    interval = chosen_column("interval")
    google = chosen_column("google", orderable=False)
    salesforce = chosen_column("salesforce", orderable=False)
    deed = chosen_column("deed", orderable=False)

    class Meta:
        template_name = "console/people_table.html"
        order_by = "status"
        order_by_field = "sort"
        per_page = PER_PAGE

    def __init__(
        self, people: HealthQuerySet, columns: Collection[str], sort: str, now: datetime
    ) -> None:
        super().__init__(PeopleData(people, columns, now))
        for name in TITLES.keys() - set(columns):
            self.columns.hide(name)
        self.order_by = sort or self.Meta.order_by

    @property
    def in_order(self) -> HealthQuerySet:
        """Everybody in the table, sorted as it is."""
        return self.data.data

    @property
    def people(self) -> list[ListedHealth]:
        """The people of the page, with what a row says of them."""
        page: Any = self.page
        return page.object_list.data

    def order_status(self, people: HealthQuerySet, descending: bool) -> Any:
        return best_first(people) if descending else people.worst_first(), True

    def order_person(self, people: HealthQuerySet, descending: bool) -> Any:
        # Says again what the database holds anyway, to let it read people by its index of names.
        same = people.filter(person__organization=F("organization"))
        return ordered(same, descending, "person__name"), True

    def order_team(self, people: HealthQuerySet, descending: bool) -> Any:
        same = people.filter(person__organization=F("organization"))
        return ordered(same, descending, "person__team"), True

    def order_since(self, people: HealthQuerySet, descending: bool) -> Any:
        return ordered(people, descending, "status_since"), True

    def order_last_attempt(self, people: HealthQuerySet, descending: bool) -> Any:
        return ordered(people, descending, "last_attempt_at"), True

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
