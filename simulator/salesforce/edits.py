"""Changes at Salesforce as users and admins make them, outside of the API."""

from __future__ import annotations

from typing import Any

from simulator.directory import Directory, locked
from simulator.identifiers import fresh_token
from simulator.model import ApiUsage, Limits, Organization, SalesforceUser
from simulator.salesforce import records, rules
from simulator.salesforce.schema import event_fields, shown_value
from simulator.salesforce.store import Row

USER_SWITCHES = ("active", "frozen", "preauthorized", "admin")


class SalesforceEdits(Directory):
    """Edits by e-mail address; values in the field names of Event. Answers are copies.

    Fields that the API only reads (IsChild, Recurrence2PatternText, …) can be set here.
    """

    def _salesforce_user(self, email: str) -> SalesforceUser:
        user = self.person(email).salesforce
        assert user is not None, f"{email} has no Salesforce user"
        return user

    def _organization_of(self, email: str) -> Organization:
        return self.organization(self.person(email).organization)

    def _read(self, organization: Organization, values: dict[str, Any], before: Row) -> Row:
        fields = event_fields(organization.custom_fields)
        read = rules.read_values(fields, values, entity="Event", check_writable=False)
        multiday = organization.limits.multiday_events
        return read | rules.with_times(before, read, multiday=multiday)

    def _row(self, email: str, record_id: str) -> Row:
        return records.event_find(
            self._organization_of(email), self._salesforce_user(email), record_id
        )

    @locked
    def salesforce_create(self, email: str, **values: Any) -> dict[str, Any]:
        """A new Event of this person, made by them."""
        organization, user = self._organization_of(email), self._salesforce_user(email)
        read = self._read(organization, values, {})
        read.setdefault("OwnerId", user.id)
        row = records.event_add(organization, read, actor_id=user.id, now=self.now())
        return shown_row(row)

    @locked
    def salesforce_edit(
        self, email: str, record_id: str, *, by: str | None = None, **values: Any
    ) -> dict[str, Any]:
        """Change an Event of this person; `by` is who does it, themselves unless told."""
        organization, row = self._organization_of(email), self._row(email, record_id)
        actor = self._salesforce_user(by or email)
        read = self._read(organization, values, row)
        records.event_change(organization, row, read, actor_id=actor.id, now=self.now())
        return shown_row(row)

    @locked
    def salesforce_delete(self, email: str, record_id: str) -> None:
        organization, user = self._organization_of(email), self._salesforce_user(email)
        records.event_remove(organization, user, self._row(email, record_id), now=self.now())

    @locked
    def salesforce_touch(self, email: str, record_id: str) -> None:
        """Move SystemModstamp without a change anybody could see."""
        row = self._row(email, record_id)
        records.event_touch(self._organization_of(email), row, now=self.now())

    @locked
    def salesforce_events(self, email: str, *, deleted: bool = False) -> list[dict[str, Any]]:
        """The person's own Events, oldest first; with `deleted` the recycle bin too."""
        user_id = self._salesforce_user(email).id
        rows = self._organization_of(email).events.of_owner(user_id)
        kept = [row for row in rows if deleted or not row["IsDeleted"]]
        return [shown_row(row) for row in sorted(kept, key=lambda row: str(row["Id"]))]

    @locked
    def salesforce_grant(self, email: str) -> str:
        """The person authorises the app again; returns the new refresh token."""
        token = fresh_token("5Aep861")
        self._salesforce_user(email).refresh_tokens.append(token)
        self._refresh_tokens[token] = self.person(email)
        return token

    @locked
    def salesforce_revoke(self, email: str) -> None:
        """The person or an admin revokes the app: refresh tokens and sessions of theirs die."""
        self._salesforce_user(email).refresh_tokens.clear()
        self.end_sessions(email)

    @locked
    def end_sessions(self, email: str) -> None:
        grants = self.tokens.matching(provider="salesforce", email=self.person(email).email)
        self.tokens.expire(grants, self.now())

    @locked
    def salesforce_set_user(self, email: str, **changes: bool) -> None:
        """Set `active`, `frozen`, `preauthorized` or `admin`."""
        user = self._salesforce_user(email)
        for name, value in changes.items():
            if name not in USER_SWITCHES:
                raise ValueError(f"a Salesforce user has no {name}")
            setattr(user, name, value)
        user.changed = self.now()
        if user.frozen or not user.active:
            self.end_sessions(email)

    @locked
    def salesforce_purge_deleted_log(self, organization: str) -> None:
        """Lose the delete log up to now, as a very busy organization does after two hours."""
        self.organization(organization).events.log_begins = self.now()

    @locked
    def salesforce_set_usage(self, organization: str, requests: int) -> None:
        """Pretend that so many API requests were made in the last 24 hours."""
        usage = ApiUsage()
        usage.add(self.now(), requests)
        self.organization(organization).usage = usage

    @locked
    def set_limits(self, organization: str, **changes: Any) -> None:
        """Change fields of an organization's Limits."""
        limits = self.organization(organization).limits
        for name, value in changes.items():
            if name not in Limits.__slots__:
                raise ValueError(f"an organization has no limit {name}")
            setattr(limits, name, value)


def shown_row(row: Row) -> dict[str, Any]:
    return {name: shown_value(value) for name, value in row.items()}
