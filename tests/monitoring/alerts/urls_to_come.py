"""The addresses of pages that messages lead to, as far as the console has them not yet."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.urls import include, path


def page(request: HttpRequest, **names: object) -> HttpResponse:
    return HttpResponse()


urlpatterns = [
    path("", include("synccenter.urls")),
    path("o/<slug:slug>/alerts/<int:alert_id>/", page, name="alert"),
    path("alerts/<int:alert_id>/", page, name="service_alert"),
    path("o/<slug:slug>/alerts/me/", page, name="preferences"),
    path("alerts/me/", page, name="service_preferences"),
]
