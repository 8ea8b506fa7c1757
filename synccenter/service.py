"""The health of the service itself: `/healthz` for the process, `/readyz` for what it stands on."""

from __future__ import annotations

from django.conf import settings
from django.db import InterfaceError, OperationalError, ProgrammingError
from django.http import HttpRequest, JsonResponse
from django.views.decorators.http import require_safe

from monitoring.jobs.readiness import queue_facts, queue_object, queue_problems


@require_safe
def healthz(request: HttpRequest) -> JsonResponse:
    """Answer as long as the process can."""
    return JsonResponse({"status": "ok"})


@require_safe
def readyz(request: HttpRequest) -> JsonResponse:
    """Answer 200 if database, queue and tick are well, else 503 with what is not."""
    try:
        facts = queue_facts()
    except (OperationalError, InterfaceError):
        return JsonResponse({"status": "not ready", "problems": ["no database"]}, status=503)
    except ProgrammingError:
        problem = "the database is not migrated"
        return JsonResponse({"status": "not ready", "problems": [problem]}, status=503)
    problems = queue_problems(facts, tick_seconds=settings.TICK_SECONDS)
    status = "not ready" if problems else "ready"
    answer = {"status": status, "problems": problems, **queue_object(facts)}
    return JsonResponse(answer, status=503 if problems else 200)
