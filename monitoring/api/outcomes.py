"""`POST /api/v1/outcomes`."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from ninja import NinjaAPI, Schema, Status
from ninja.security import HttpBearer

from monitoring.api.models import ApiToken
from monitoring.api.tokens import api_token_find
from monitoring.intake.ingest import outcomes_ingest
from monitoring.intake.schema import split

MOST_LINES = 10_000


class OrganizationToken(HttpBearer):
    """The bearer token of one organization; `request.auth` becomes its ApiToken."""

    def authenticate(self, request: HttpRequest, token: str) -> ApiToken | None:
        return api_token_find(token, now=timezone.now())


class RejectedLine(Schema):
    line: int
    field: str
    reason: str


class Answer(Schema):
    accepted: int
    duplicate: int
    rejected: list[RejectedLine]


class Problem(Schema):
    detail: str


api = NinjaAPI(
    title="synccenter", version="1", docs_url=None, auth=OrganizationToken(), urls_namespace="api"
)


@api.post("/outcomes", response={200: Answer, 413: Problem, 503: Problem})
def report_outcomes(request: HttpRequest) -> Any:
    """Report what came of sync attempts, as a JSON array or as JSON lines.

    Each outcome is recorded once, however often it is sent. Bad ones are listed with line, field
    and reason, and the others are kept. After a 503, or no answer at all, send the same again.
    """
    token: ApiToken = request.auth  # type: ignore[attr-defined]  # set by OrganizationToken
    lines = list(split(request.body))
    if len(lines) > MOST_LINES:
        detail = f"A delivery may have {MOST_LINES:,} lines; send it in parts."
        return Status(413, {"detail": detail})
    return outcomes_ingest(
        lines,
        organization=token.organization,
        source=f"API token …{token.hint}",
        now=timezone.now(),
    )


@api.exception_handler(RequestDataTooBig)
def too_large(request: HttpRequest, error: Exception) -> HttpResponse:
    limit = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
    detail = f"A delivery may have {limit:,} bytes; send it in parts."
    return api.create_response(request, {"detail": detail}, status=413)


@api.exception_handler(OperationalError)
@api.exception_handler(InterfaceError)
def database_away(request: HttpRequest, error: Exception) -> HttpResponse:
    response = api.create_response(
        request, {"detail": "The database is away. Send the same again later."}, status=503
    )
    response["Retry-After"] = "10"
    return response
