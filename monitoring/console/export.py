"""The list of people as a file: exactly the rows, the order and the columns of the page."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import datetime

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import FileResponse, Http404, HttpRequest, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.cache import patch_cache_control
from django.views.decorators.http import require_GET

from accounts.access import Access, access_for
from monitoring.audit.log import audit_entry_write
from monitoring.console.export_cells import Field, cells_of, fields_of, titles_of
from monitoring.console.filters import PeopleFilter
from monitoring.console.last_deed import with_last_deed
from monitoring.console.rules import explanations
from monitoring.console.sheets import MOST_ROWS, csv_of, xlsx_of
from monitoring.console.tables import PeopleTable, with_connections, with_details

# Rows fetched at a time from the server-side cursor.
FETCH = 1_000
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
# The page looks for this cookie to know that the file has begun to come.
STARTED = "export_started"
STARTED_TOKEN = re.compile(r"[0-9a-z]{1,40}")


@login_required
@require_GET
def people_export(request: HttpRequest, slug: str, form: str) -> HttpResponseBase:
    """Send the people that the address lists as `csv` or `xlsx`."""
    if form not in {"csv", "xlsx"}:
        raise Http404
    access, now, given = access_for(request.user, slug), timezone.now(), request.GET.copy()
    started = given.pop("started", [""])[-1]
    narrowed = PeopleFilter(given, access=access, now=now)
    people = narrowed.qs.order_by().count()
    refusal = refusal_of(narrowed, form, people)
    if refusal:
        messages.error(request, refusal)
        return redirect(f"{reverse('people', args=[slug])}?{given.urlencode()}")
    people_export_note(access=access, form=form, query=narrowed.asked.query, people=people, now=now)
    response = file_of(access, narrowed, form, now)
    response.headers["Content-Disposition"] = f"attachment; filename={file_name(access, form, now)}"
    patch_cache_control(response, private=True, no_store=True)
    if STARTED_TOKEN.fullmatch(started):
        response.set_cookie(
            STARTED, started, max_age=60, samesite="Lax", path=reverse("people", args=[slug])
        )
    return response


def refusal_of(narrowed: PeopleFilter, form: str, people: int) -> str:
    """Return why there can be no file, as a sentence; empty if there can."""
    if not narrowed.is_sound:
        return "Nothing was exported, because the address holds something that makes no sense."
    if form == "xlsx" and people > MOST_ROWS:
        return (
            f"A workbook holds at most {MOST_ROWS:,} people and these are {people:,}. "
            "Narrow the list, or export it as CSV."
        )
    return ""


def people_export_note(
    *, access: Access, form: str, query: str, people: int, now: datetime
) -> None:
    """Write to the audit log who took which list away."""
    audit_entry_write(
        organization=access.organization,
        action="people.export",
        now=now,
        author=access.user,
        detail={"form": form, "query": query, "people": people},
    )


def file_name(access: Access, form: str, now: datetime) -> str:
    return f"{access.organization.slug}-people-{now.astimezone(access.time_zone):%Y-%m-%d}.{form}"


def file_of(
    access: Access, narrowed: PeopleFilter, form: str, now: datetime
) -> FileResponse | StreamingHttpResponse:
    """Return the file as it is sent: CSV while it is read, a workbook once it is written."""
    fields = fields_of(narrowed.asked.columns)
    titles = titles_of(fields, access.time_zone)
    rows = cells(access, narrowed, fields, now)
    if form == "csv":
        return StreamingHttpResponse(csv_of(titles, rows), content_type="text/csv; charset=utf-8")
    return FileResponse(xlsx_of(titles, rows, [field.width for field in fields]), content_type=XLSX)


def cells(
    access: Access, narrowed: PeopleFilter, fields: Sequence[Field], now: datetime
) -> Iterator[list[str]]:
    """Yield the lines of the file, read by a server-side cursor."""
    asked, rules = narrowed.asked, explanations(access.organization.pk)
    table = PeopleTable(narrowed.qs, asked.columns, asked.sort, now)
    people = with_connections(with_details(table.in_order), asked.columns)
    if "deed" in asked.columns:
        people = with_last_deed(people, now)
    for health in people.iterator(chunk_size=FETCH):
        yield cells_of(health, fields, rules, now, access.time_zone)
