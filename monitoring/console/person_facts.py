"""What a person's page says of one person, in one statement: health and all that bears on it."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import BooleanField, F, Func, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce, JSONObject

from accounts.models import Connection
from monitoring.actions.invitations import not_over
from monitoring.actions.models import ActionPerson, Invitation, Kind, PersonState
from monitoring.alerts.mutes import silences_over_person
from monitoring.console.filters import BASE_INTERVAL
from monitoring.console.tables import Details
from monitoring.health.models import Health, Hold, Policy, Transition
from monitoring.incidents.models import Hit
from monitoring.jobs.models import Job
from monitoring.outcomes.models import Outcome

if TYPE_CHECKING:
    from django_stubs_ext import WithAnnotations

    FullHealth = WithAnnotations[Health, "Story"]

OWN = {"person": OuterRef("pk"), "organization": OuterRef("organization")}


class Story(Details):
    """What `with_story` adds to a health row. Times within the dictionaries are text, ISO 8601.

    hit_by          id, provider and people of the incident whose end the person waits for
    slowed_*        when, and for which cause, the interval last became what it is
    job_*           the open job, of which there is one at most
    proof           attempt_id and finished_at of the runs that prove the status
    connections     one a provider at most, without what is secret
    holds           all active ones, the one that lasts longest first
    silence         the silence that mutes alerts about the person for longest
    invitation      the request to give access again that is open, or that they declined
    interval_by     who last gave the person an interval of their own, when and why
    usual_interval  the base interval of the organization
    """

    hit_by: dict[str, Any] | None
    slowed_at: datetime | None
    slowed_cause: str | None
    job_attempt: UUID | None
    job_state: int | None
    proof: list[dict[str, Any]]
    connections: list[dict[str, Any]]
    holds: list[dict[str, Any]]
    silence: dict[str, Any] | None
    invitation: dict[str, Any] | None
    interval_by: dict[str, Any] | None
    usual_interval: int


def with_story(people: QuerySet[Any], now: datetime) -> QuerySet[FullHealth]:
    """Add to the health of one person what their page says; each is looked up by an index."""
    told: Any = people.annotate(
        **incident_and_pace(),
        **decisions(now),
        job_attempt=Subquery(Job.objects.filter(**OWN).values("attempt_id")),
        job_state=Subquery(Job.objects.filter(**OWN).values("state")),
        proof=ArraySubquery(proof()),
        connections=ArraySubquery(connections()),
        usual_interval=Coalesce(usual_interval(), BASE_INTERVAL),
    )
    return told


def incident_and_pace() -> dict[str, Subquery]:
    hits = Hit.objects.waiting().filter(**OWN).order_by("-incident")
    incident = JSONObject(
        id="incident", provider="incident__provider", people="incident__people_hit"
    )
    changes = Transition.objects.filter(**OWN, to_interval=OuterRef("interval"))
    changes = changes.exclude(from_interval=F("to_interval")).order_by("-at")
    return {
        "hit_by": Subquery(hits.values(found=incident)[:1]),
        "slowed_at": Subquery(changes.values("at")[:1]),
        "slowed_cause": Subquery(changes.values("to_cause")[:1]),
    }


def decisions(now: datetime) -> dict[str, Subquery]:
    """Return what people decided about the person and asked of them."""
    holds = Hold.objects.filter(**OWN).active_at(now)
    holds = holds.order_by(F("ends_at").desc(nulls_first=True), "started_at")
    hold = JSONObject(
        id="id",
        author_kind="author_kind",
        author_name="author_name",
        reason="reason",
        started_at="started_at",
        ends_at="ends_at",
    )
    silence = JSONObject(ends_at="ends_at", reason="reason", author_name="author_name")
    asked = Invitation.objects.filter(not_over(now), **OWN).order_by("-id")
    invitation = JSONObject(
        **{name: name for name in ("state", "providers", "granted", "asked_by_name", "refusal")},
        **{name: name for name in ("created_at", "sent_at", "opened_at", "expires_at")},
        reminders="reminders",
    )
    given = ActionPerson.objects.filter(
        **OWN, action__kind=Kind.INTERVAL, state=PersonState.DONE
    ).order_by("-action")
    by = JSONObject(author_name="action__author_name", at="at", reason="action__reason")
    return {
        "holds": ArraySubquery(holds.values(found=hold)),
        "silence": Subquery(silences_over_person(now).values(found=silence)[:1]),
        "invitation": Subquery(asked.values(found=invitation)[:1]),
        "interval_by": Subquery(given.values(found=by)[:1]),
    }


def proof() -> QuerySet[Any]:
    is_among = Func(
        F("attempt_id"),
        OuterRef("evidence"),
        template="%(expressions)s)",
        arg_joiner=" = ANY(",
        output_field=BooleanField(),
    )
    runs = Outcome.objects.filter(is_among, **OWN).order_by("finished_at")
    return runs.values(found=JSONObject(attempt_id="attempt_id", finished_at="finished_at"))


def connections() -> QuerySet[Any]:
    names = ("provider", "grant", "state", "granted_at", "proven_at", "refused_at")
    return Connection.objects.filter(**OWN).values(found=JSONObject(**{n: n for n in names}))


def usual_interval() -> Subquery:
    policy = Policy.objects.filter(organization=OuterRef("organization"))
    return Subquery(policy.values("base_interval"))
