"""`POST /api/v1/outcomes`."""

from __future__ import annotations

from typing import Any

from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from ninja import NinjaAPI, Schema
from ninja.security import HttpBearer

from monitoring.api.models import ApiToken
from monitoring.api.tokens import api_token_find
from monitoring.intake.ingest import outcomes_ingest
from monitoring.intake.schema import split


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
    return outcomes_ingest(
        split(request.body),
        organization=token.organization,
        source=f"API token …{token.hint}",
        now=timezone.now(),
    )


@api.exception_handler(OperationalError)
@api.exception_handler(InterfaceError)
def database_away(request: HttpRequest, error: Exception) -> HttpResponse:
    response = api.create_response(
        request, {"detail": "The database is away. Send the same again later."}, status=503
    )
    response["Retry-After"] = "10"
    return response
