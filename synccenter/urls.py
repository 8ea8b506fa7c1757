"""Addresses: the console, the API, sign-in, and the service's own health."""

from __future__ import annotations

from django.urls import URLPattern, URLResolver, include, path

urlpatterns: list[URLPattern | URLResolver] = [
    path("accounts/", include("allauth.urls")),
    path("", include("monitoring.console.urls")),
]
