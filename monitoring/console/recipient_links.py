"""What the pages have in common to which the signed links of a recipient's messages lead."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse

from monitoring.alerts.models import Recipient
from monitoring.console.quiet import said


def recipient_behind(number: int | None) -> Recipient | None:
    """Return the recipient of that id; None for who is told of nothing any more."""
    current = Recipient.objects.current().select_related("organization", "user")
    found: Recipient | None = current.filter(pk=number).first()
    return found


def does_not_open(request: HttpRequest, sentence: str) -> HttpResponse:
    """Say that a link is none of ours or good for nothing any more, and why that may be."""
    return said(request, 404, "This link does not open", sentence)


def too_often(request: HttpRequest) -> HttpResponse:
    return said(
        request,
        429,
        "That was asked for often enough for now",
        "Try again in an hour.",
    )
