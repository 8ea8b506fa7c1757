"""The console's addresses."""

from __future__ import annotations

from django.urls import path

from accounts.models import Provider
from monitoring.console import (
    action_list,
    action_new,
    action_one,
    action_page,
    action_people,
    action_settings,
    alerts,
    campaign,
    consent,
    export,
    front,
    inbox,
    incident,
    incidents,
    invitation,
    me,
    outbox,
    overview,
    own_page,
    people,
    person,
    person_deeds,
    rule_change,
    rule_edit,
    rule_list,
    rule_page,
    saving,
    silences,
    time_zone,
    trends,
)

urlpatterns = [
    path("", front.home, name="home"),
    path("me/", me.me, name="me"),
    path("me/asked/", me.asked, name="me_asked"),
    path("me/<str:token>/", own_page.own_page, name="own_page"),
    path("me/<str:token>/pause", own_page.pause, name="own_pause"),
    path("me/<str:token>/resume", own_page.resume, name="own_resume"),
    *(
        path(
            f"me/<str:token>/{provider}",
            own_page.consent_start,
            {"provider": provider},
            name=f"own_consent_{provider}",
        )
        for provider in Provider
    ),
    path("link/google/callback", consent.google_callback, name="consent_google"),
    path("link/salesforce/callback", consent.salesforce_callback, name="consent_salesforce"),
    path("link/<str:token>/", invitation.invitation, name="invitation"),
    *(
        path(
            f"link/<str:token>/{provider}",
            invitation.invitation_start,
            {"provider": provider},
            name=f"invitation_{provider}",
        )
        for provider in Provider
    ),
    path("time-zone/", time_zone.time_zone, name="time_zone"),
    path("organizations/", front.organizations, name="organizations"),
    path("incidents/", incidents.incidents_across, name="incidents_across"),
    path("o/<slug:slug>/", overview.overview, name="overview"),
    path("o/<slug:slug>/trends/", trends.trends, name="trends"),
    path("o/<slug:slug>/incidents/", incidents.incidents, name="incidents"),
    path("o/<slug:slug>/incidents/<int:incident_id>/", incident.incident, name="incident"),
    path("o/<slug:slug>/incidents/<int:incident_id>/take", incident.take, name="incident_take"),
    path("o/<slug:slug>/incidents/<int:incident_id>/note", incident.note, name="incident_note"),
    path(
        "o/<slug:slug>/incidents/<int:incident_id>/recover/",
        incident.recover,
        name="incident_recover",
    ),
    path("o/<slug:slug>/alerts/", alerts.alerts, name="alerts"),
    path("o/<slug:slug>/outbox/", outbox.outbox, name="outbox"),
    path("o/<slug:slug>/outbox/retry", outbox.retry_all, name="messages_retry"),
    path("o/<slug:slug>/outbox/<int:message_id>/", outbox.message, name="message"),
    path("o/<slug:slug>/outbox/<int:message_id>/html", outbox.message_html, name="message_html"),
    path("o/<slug:slug>/outbox/<int:message_id>/retry", outbox.retry, name="message_retry"),
    path("o/<slug:slug>/silences/", silences.silences, name="silences"),
    path("o/<slug:slug>/silences/<int:silence_id>/end", silences.end, name="silence_end"),
    path(
        "o/<slug:slug>/actions/<int:action_id>/links/withdraw",
        campaign.links_withdraw,
        name="links_withdraw",
    ),
    path("o/<slug:slug>/people/", people.people, name="people"),
    path("o/<slug:slug>/people/teams/", people.teams, name="teams"),
    path("o/<slug:slug>/people/export/<slug:form>", export.people_export, name="people_export"),
    path("o/<slug:slug>/people/views/", saving.view_save, name="view_save"),
    path("o/<slug:slug>/people/views/<int:view_id>", saving.view_change, name="view_change"),
    path("o/<slug:slug>/people/views/<int:view_id>/delete", saving.view_delete, name="view_delete"),
    path("o/<slug:slug>/people/<int:person_id>/", person.person, name="person"),
    path(
        "o/<slug:slug>/people/<int:person_id>/link/withdraw",
        campaign.link_withdraw,
        name="link_withdraw",
    ),
    path("o/<slug:slug>/people/<int:person_id>/sync", person_deeds.sync_now, name="sync_now"),
    path(
        "o/<slug:slug>/people/<int:person_id>/attempts/<uuid:attempt_id>/",
        person_deeds.attempt,
        name="attempt",
    ),
    path("o/<slug:slug>/actions/", action_list.actions, name="actions"),
    path("o/<slug:slug>/actions/new/", action_new.new, name="action_new"),
    path("o/<slug:slug>/actions/<int:action_id>/", action_page.action, name="action"),
    path(
        "o/<slug:slug>/actions/<int:action_id>/people/", action_people.people, name="action_people"
    ),
    path("o/<slug:slug>/actions/<int:action_id>/one/", action_one.one, name="action_one"),
    path("o/<slug:slug>/actions/<int:action_id>/<slug:deed>", action_page.act, name="action_act"),
    path("o/<slug:slug>/settings/", action_settings.settings, name="settings"),
    path(
        "o/<slug:slug>/people/<int:person_id>/notes",
        person_deeds.note_add,
        name="person_note_add",
    ),
    path(
        "o/<slug:slug>/people/<int:person_id>/notes/<int:note_id>/done",
        person_deeds.note_done,
        name="person_note_done",
    ),
    path("o/<slug:slug>/errors/", inbox.errors, name="errors"),
    path("o/<slug:slug>/rules/", rule_list.rules, name="rules"),
    path("o/<slug:slug>/rules/new/", rule_edit.new, name="rule_new"),
    path("o/<slug:slug>/rules/preview", rule_edit.preview, name="rule_preview"),
    path("o/<slug:slug>/rules/changes/<int:change_id>/", rule_change.change, name="rule_change"),
    path(
        "o/<slug:slug>/rules/changes/<int:change_id>/edit/",
        rule_edit.redraft,
        name="rule_redraft",
    ),
    path(
        "o/<slug:slug>/rules/changes/<int:change_id>/runs/<slug:kind>",
        rule_change.run,
        name="rule_run",
    ),
    path(
        "o/<slug:slug>/rules/changes/<int:change_id>/<slug:deed>",
        rule_change.act,
        name="rule_act",
    ),
    path("o/<slug:slug>/rules/<slug:rule>/", rule_page.rule, name="rule"),
    path("o/<slug:slug>/rules/<slug:rule>/edit/", rule_edit.edit, name="rule_edit"),
    path("o/<slug:slug>/rules/<slug:rule>/take-away/", rule_page.take_away, name="rule_take_away"),
]
