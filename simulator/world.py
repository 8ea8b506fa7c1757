"""The simulated world: who exists at both vendors, and edits as their users make them.

Every method that changes something may be called from any thread; the server takes the same
lock for each request. People are named by e-mail address, organizations by slug.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from simulator.directory import locked
from simulator.google.edits import GoogleEdits
from simulator.model import Person
from simulator.salesforce.edits import SalesforceEdits
from simulator.status.edits import StatusEdits

GOOGLE_AUDIENCE = "https://oauth2.googleapis.com/token"


class World(GoogleEdits, SalesforceEdits, StatusEdits):
    """Organizations, people, calendars, records and status pages, in memory."""

    @locked
    def expire_access_tokens(
        self,
        *,
        provider: str | None = None,
        organization: str | None = None,
        person: str | None = None,
    ) -> int:
        """End access tokens at once, refresh tokens stay good; returns how many ended."""
        grants = self.tokens.matching(provider=provider, organization=organization, email=person)
        return self.tokens.expire(grants, self.now())

    @locked
    def set_clock_offset(self, seconds: float) -> None:
        """Let the world's time run this far ahead of (or behind) its clock."""
        self.clock_offset = timedelta(seconds=seconds)

    @locked
    def client_settings(self, slug: str, base_url: str = "") -> dict[str, Any]:
        """All that a sync product needs to know to reach one organization, secrets included.

        With `base_url` the addresses point at a running simulator.
        """
        organization = self.organization(slug)
        token_url = f"{base_url}/token" if base_url else GOOGLE_AUDIENCE
        return {
            "slug": slug,
            "name": organization.name,
            "domain": organization.domain,
            "google": {
                "token_url": token_url,
                "client_id": organization.google_client_id,
                "client_secret": organization.google_client_secret,
                "scopes": list(organization.delegated_scopes),
                "service_account": {
                    "type": "service_account",
                    "project_id": f"{slug}-sync",
                    "private_key_id": self.key_pair.fingerprint,
                    "private_key": self.key_pair.private_key,
                    "client_email": organization.service_account_email,
                    "client_id": organization.google_client_id.partition(".")[0],
                    "token_uri": token_url,
                },
            },
            "salesforce": {
                "login_url": f"https://{organization.login_host}",
                "instance_url": f"https://{organization.my_domain}",
                "organization_id": organization.salesforce_id,
                "consumer_key": organization.consumer_key,
                "consumer_secret": organization.consumer_secret,
                "private_key": self.key_pair.private_key,
            },
            "people": [person_settings(person) for person in self.people_of(slug)],
        }


def person_settings(person: Person) -> dict[str, Any]:
    """One person's newest grants; None where they have none."""
    google = [*person.google.refresh_tokens] if person.google else []
    salesforce = person.salesforce.refresh_tokens if person.salesforce else []
    return {
        "email": person.email,
        "name": person.name,
        "time_zone": person.time_zone,
        "google_refresh_token": google[-1] if google else None,
        "salesforce_user_id": person.salesforce.id if person.salesforce else None,
        "salesforce_username": person.salesforce.username if person.salesforce else None,
        "salesforce_refresh_token": salesforce[-1] if salesforce else None,
    }
