"""How many a silence mutes: of those there are, and of one that is being thought of."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from typing import Any

from django.db import connection
from django.db.models import (
    Count,
    Exists,
    Func,
    IntegerField,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    Sum,
    Value,
)
from django.db.models.functions import Coalesce

from accounts.access import Access
from monitoring.alerts.mails import moment
from monitoring.alerts.matchers import Matcher
from monitoring.alerts.models import Silence, SilencedPerson, SilenceQuerySet
from monitoring.alerts.muting import IN_FORCE, MATCHES, SILENCED
from monitoring.errors.rulebook import rule_sets_of
from monitoring.health.models import Health, HealthQuerySet, HealthTally, Status

# Of a silence of people named one by one, so many names are told.
NAMED = 3
# Each way of counting reads the fewest rows that tell it: of the tally a few dozen, and of people
# only those of the team or those whose last run failed.
COUNT = f"""
    CASE
    WHEN NOT silence.is_matcher THEN (
        SELECT count(*) FROM alerts_silencedperson AS member
        WHERE member.silence_id = silence.id AND member.lifted_at IS NULL
    )
    WHEN silence.team = '' AND silence.provider = '' THEN (
        SELECT coalesce(sum(tally.people), 0)::int8 FROM health_healthtally AS tally
        WHERE tally.organization_id = silence.organization_id
            AND (silence.cause = '' OR tally.cause = silence.cause)
    )
    WHEN silence.provider <> '' THEN (
        SELECT count(*) FROM health_health AS health
        JOIN accounts_person AS person ON person.id = health.person_id
        WHERE health.organization_id = silence.organization_id
            AND health.last_signature IS NOT NULL AND {MATCHES}
    )
    ELSE (
        SELECT count(*) FROM accounts_person AS person
        JOIN health_health AS health ON health.person_id = person.id
        WHERE person.organization_id = silence.organization_id AND person.team = silence.team
            AND (silence.cause = '' OR health.cause = silence.cause)
    )
    END
"""  # noqa: S608 - made of constants
# To how many it may come, where whoever gets into such trouble is muted as well.
REACH = """
    CASE
    WHEN NOT silence.is_matcher OR (silence.cause = '' AND silence.provider = '') THEN 0
    WHEN silence.team = '' THEN (
        SELECT coalesce(sum(tally.people), 0)::int8 FROM health_healthtally AS tally
        WHERE tally.organization_id = silence.organization_id AND tally.cause <> 'never_connected'
    )
    ELSE (
        SELECT count(*) FROM accounts_person AS person
        JOIN health_health AS health ON health.person_id = person.id
        WHERE person.organization_id = silence.organization_id AND person.team = silence.team
            AND health.cause <> 'never_connected'
    )
    END
"""
# Of those named the first few are told, by an index that ends after them.
LASTING = f"""
    SELECT silence.id, reason, author_name, started_at, ends_at, {COUNT}, (
        SELECT coalesce(sum(tally.people), 0)::int8 FROM health_healthtally AS tally
        WHERE tally.organization_id = silence.organization_id
    ), ARRAY(
        SELECT person.name FROM alerts_silencedperson AS member
        JOIN accounts_person AS person ON person.id = member.person_id
        WHERE member.silence_id = silence.id AND member.lifted_at IS NULL
        ORDER BY member.person_id LIMIT %(named)s
    ), is_matcher, team, cause, provider, announcement, {REACH}
    FROM alerts_silence AS silence
    WHERE silence.organization_id = %(organization)s
        AND silence.ends_at > %(now)s AND silence.ended_at IS NULL
    ORDER BY ends_at DESC, id DESC
"""  # noqa: S608 - made of constants
FORCE = f"""
    SELECT silence.organization_id, count(*) FROM alerts_silence AS silence
    WHERE silence.organization_id = ANY(%(organizations)s) AND {IN_FORCE}
    GROUP BY silence.organization_id
"""  # noqa: S608 - made of constants
MUTED = f"""
    SELECT person.organization_id, count(*) FROM accounts_person AS person
    WHERE person.organization_id = ANY(%(organizations)s) AND person.id IN ({SILENCED})
    GROUP BY person.organization_id
"""  # noqa: S608 - made of constants


@dataclass(frozen=True, slots=True)
class ActiveSilence:
    """A silence in force or to come; `share` is that of the organization's people, from 0 to 1.

    Of a matcher `people` are those who match now, and `reach` is how many it may come to; of others
    `names` are those of the first.
    """

    id: int
    reason: str
    author_name: str
    started_at: datetime
    ends_at: datetime
    people: int
    share: float
    names: tuple[str, ...] = ()
    is_matcher: bool = False
    matcher: Matcher = field(default=Matcher())
    announcement: str = ""
    reach: int = 0
    reached_share: float = 0.0


@dataclass(frozen=True, slots=True)
class Mutes:
    """Whom a matcher would mute now; `known` are all there are in the organization.

    stalled   need attention, so that an alert about them is kept back
    reach     how many it may come to, if everybody gets into such trouble; else `people`
    names     of the first, the worst off before others
    """

    people: int
    known: int
    stalled: int
    reach: int
    names: tuple[str, ...]

    @property
    def share(self) -> float:
        return share_of(self.people, self.known)

    @property
    def reached_share(self) -> float:
        return share_of(self.reach, self.known)


def share_of(people: int, known: int) -> float:
    return min(1.0, people / known) if known else 0.0


def lasting_silences(
    organization_id: int, now: datetime
) -> tuple[list[ActiveSilence], list[ActiveSilence]]:
    """Return the silences in force, those that end last first, and those to come, the next first.

    In one statement.
    """
    values: dict[str, Any] = {"organization": organization_id, "now": now, "named": NAMED}
    with connection.cursor() as cursor:
        cursor.execute(LASTING, values)
        found = [lasting_from(row) for row in cursor.fetchall()]
    upcoming = [each for each in found if each.started_at > now]
    return (
        [each for each in found if each.started_at <= now],
        sorted(upcoming, key=lambda each: (each.started_at, each.id)),
    )


def lasting_from(row: Sequence[Any]) -> ActiveSilence:
    id_, reason, author_name, started_at, ends_at, people, known, names, *rest = row
    is_matcher, team, cause, provider, announcement, reach = rest
    reach = max(reach, people)
    return ActiveSilence(
        id=id_,
        reason=reason,
        author_name=author_name,
        started_at=started_at,
        ends_at=ends_at,
        people=people,
        share=share_of(people, known),
        names=tuple(names),
        is_matcher=is_matcher,
        matcher=Matcher(team, cause, provider),
        announcement=announcement,
        reach=reach,
        reached_share=share_of(reach, known),
    )


def active_silences(access: Access, now: datetime) -> list[ActiveSilence]:
    """Return the silences in force, those that end last first, in one statement."""
    return lasting_silences(access.organization.pk, now)[0]


def named(names: Sequence[str], people: int) -> str:
    """Return who is muted: "Ada, Ben, Eve and 209 more"."""
    more = people - len(names)
    return ", ".join(names) + (f" and {more:,} more" if more > 0 else "")


def with_people(silences: QuerySet[Silence]) -> Any:
    """Add to each silence how many `people` were named in it and not lifted out of it."""
    members = SilencedPerson.objects.filter(silence=OuterRef("pk"))
    counted = members.order_by().values("silence").annotate(n=Count("pk", filter=Q(lifted_at=None)))
    return silences.annotate(people=number(counted.values("n")))


def number(query: QuerySet) -> Coalesce:
    return Coalesce(Subquery(query, output_field=IntegerField()), 0)


def matching(access: Access, matcher: Matcher) -> HealthQuerySet:
    """Return the people who match now, as `muting.MATCHES` says it."""
    people: HealthQuerySet = Health.objects.visible_to(access)
    if matcher.team:
        people = people.filter(person__team=matcher.team)
    if matcher.cause:
        people = people.filter(cause=matcher.cause)
    if matcher.provider:
        people = people.filter(last_signature__startswith=f"{matcher.provider} ")
    return people


def silences_over_person(now: datetime) -> SilenceQuerySet:
    """Return the silences that mute the person of an outer query of Health, the longest first.

    As `muting.IS_SILENCED` says it.
    """
    trouble = Func(OuterRef("last_signature"), Value(" "), Value(1), function="split_part")
    matches = (
        Q(is_matcher=True)
        & (Q(team="") | Q(team=OuterRef("person__team")))
        & (Q(cause="") | Q(cause=OuterRef("cause")))
        & (Q(provider="") | Q(provider=trouble))
    )
    named_in = SilencedPerson.objects.filter(
        silence=OuterRef("pk"), person=OuterRef(OuterRef("pk")), lifted_at=None
    )
    found: SilenceQuerySet = Silence.objects.active_at(now)
    own = found.filter(organization=OuterRef("organization"))
    return own.filter(matches | Q(Exists(named_in), is_matcher=False)).order_by("-ends_at")


def mutes(access: Access, matcher: Matcher, *, names: int = 5) -> Mutes:
    """Return whom a matcher would mute now, with the names of the first, in few statements."""
    people = matching(access, matcher)
    numbers = people.order_by().aggregate(
        people=Count("pk"), stalled=Count("pk", filter=Q(status=Status.STALLED))
    )
    known = HealthTally.objects.filter(organization=access.organization.pk)
    reach = numbers["people"]
    if matcher.widens:
        connected = matching(access, Matcher(team=matcher.team)).exclude(cause="never_connected")
        reach = max(reach, connected.order_by().count())
    first = people.worst_first().values_list("person__name", flat=True)[:names]
    return Mutes(
        people=numbers["people"],
        known=known.aggregate(known=Coalesce(Sum("people"), 0))["known"],
        stalled=numbers["stalled"],
        reach=reach,
        names=tuple(first),
    )


def silences_in_force(
    organization_ids: Collection[int], now: datetime
) -> dict[int, tuple[int, int]]:
    """Return how many silences are in force and how many people they mute, by organization.

    Only of organizations that have any. Two statements at most.
    """
    values: dict[str, Any] = {"organizations": list(organization_ids), "now": now}
    with connection.cursor() as cursor:
        cursor.execute(FORCE, values)
        found = dict(cursor.fetchall())
        if not found:
            return {}
        values["organizations"] = list(found)
        cursor.execute(MUTED, values)
        muted = dict(cursor.fetchall())
    return {
        organization: (silences, muted.get(organization, 0))
        for organization, silences in found.items()
    }


def silence_lines(organization_id: int, now: datetime, zone: tzinfo = UTC) -> list[str]:
    """Return a line for each silence in force, for a digest: whom it mutes, why and until when."""
    found, _ = lasting_silences(organization_id, now)
    titles = cause_titles(organization_id) if any(each.matcher.cause for each in found) else {}
    return [line_of(each, titles, zone) for each in found]


def cause_titles(organization_id: int) -> dict[str, str]:
    rules = rule_sets_of([organization_id])[organization_id].rules
    return {rule.id: rule.title for rule in rules}


def line_of(silence: ActiveSilence, titles: dict[str, str], zone: tzinfo) -> str:
    matcher = silence.matcher
    title, names = titles.get(matcher.cause, ""), named(silence.names, silence.people)
    whom = matcher.said(title) if silence.is_matcher else names or "Nobody"
    people = f"{silence.people:,} {'person' if silence.people == 1 else 'people'}"
    until = moment(silence.ends_at, zone)
    return f"{whom}: {people} muted until {until}, by {silence.author_name}: {silence.reason}"
