"""Addresses: the console, the API, sign-in, and the service's own health."""

from __future__ import annotations

from django.urls import URLPattern, URLResolver, include, path

from monitoring.api.outcomes import api
from synccenter import service

urlpatterns: list[URLPattern | URLResolver] = [
    path("healthz", service.healthz, name="healthz"),
    path("readyz", service.readyz, name="readyz"),
    path("accounts/", include("allauth.urls")),
    path("api/v1/", api.urls),
    path("", include("monitoring.console.urls")),
]
