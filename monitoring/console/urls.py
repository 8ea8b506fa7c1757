"""The console's addresses."""

from __future__ import annotations

from django.urls import path

from monitoring.console import front, people, person

urlpatterns = [
    path("", front.home, name="home"),
    path("organizations/", front.organizations, name="organizations"),
    path("o/<slug:slug>/people/", people.people, name="people"),
    path("o/<slug:slug>/people/teams/", people.teams, name="teams"),
    path("o/<slug:slug>/people/<int:person_id>/", person.person, name="person"),
    path("o/<slug:slug>/people/<int:person_id>/sync", person.sync_now, name="sync_now"),
    path(
        "o/<slug:slug>/people/<int:person_id>/attempts/<uuid:attempt_id>/",
        person.attempt,
        name="attempt",
    ),
]
