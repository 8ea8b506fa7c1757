"""Where the providers are."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit


@dataclass(frozen=True, slots=True)
class ProviderAddresses:
    """The settings GOOGLE_API_ROOT, GOOGLE_TOKEN_URL, GOOGLE_AUTHORIZE_URL, SALESFORCE_LOGIN_URL.

    If the login address is plain http on this machine, all Salesforce hosts are reached there, each
    under its own Host header: that is how one simulator stands for many organizations.
    """

    google_api_root: str = "https://www.googleapis.com"
    google_token_url: str = "https://oauth2.googleapis.com/token"  # noqa: S105 - an address
    salesforce_login_url: str = "https://login.salesforce.com"
    google_authorize_url: str = "https://accounts.google.com/o/oauth2/v2/auth"

    @property
    def salesforce_authorize_url(self) -> str:
        """Where a browser goes to approve the Salesforce app; it can send no Host of another."""
        return f"{self.salesforce_login_url.rstrip('/')}/services/oauth2/authorize"

    @property
    def salesforce_loopback(self) -> str:
        """The address all Salesforce hosts are reached at, or "" for their own."""
        parts = urlsplit(self.salesforce_login_url)
        return self.salesforce_login_url.rstrip("/") if _is_local_http(parts) else ""

    def salesforce_setup(self, host: str) -> str:
        """The address of Setup in the organization with that My Domain."""
        simulated = self.salesforce_loopback
        return (
            f"{simulated}/setup/"
            if simulated
            else f"https://{host}/lightning/setup/SetupOneHome/home"
        )

    @property
    def google_admin(self) -> str:
        """The address of the Google Admin console."""
        if _is_local_http(urlsplit(self.google_api_root)):
            return f"{self.google_api_root.rstrip('/')}/setup/"
        return "https://admin.google.com/"

    @property
    def salesforce_login_host(self) -> str:
        """The host that gives out tokens, which is also their audience."""
        if self.salesforce_loopback:
            return "login.salesforce.com"
        return urlsplit(self.salesforce_login_url).netloc


def _is_local_http(parts: SplitResult) -> bool:
    if parts.scheme != "http" or not parts.hostname:
        return False
    if parts.hostname == "localhost":
        return True
    try:
        return ipaddress.ip_address(parts.hostname).is_loopback
    except ValueError:
        return False
