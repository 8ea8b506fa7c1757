"""Where in Google's and Salesforce's consoles an access is mended, by rule and by special case.

A path is written with " > " between its steps. Paths as the vendors' own help gives them in 2026:

* Google Workspace Admin Help: "Control API access with domain-wide delegation" (162106), "Control
  which apps access Google Workspace data" (7281227), "Turn Calendar on or off for users" (6002940),
  "Restore a suspended user" (1110339), "Set session length for Google Cloud services" (9368756),
  "OAuth log events" (6124308); Google Identity, "Using OAuth 2.0 for Server to Server
  Applications", with its table of errors; Google Cloud, "Create and delete service account keys"
* Salesforce Help: "OAuth 2.0 Authorization Errors", "OAuth 2.0 JWT Bearer Flow for Server-to-Server
  Integration", "Manage OAuth Access Policies for a Connected App", "Preauthorize User App Access
  Through External Client App Policies", "Manage Current OAuth Connected App Sessions", "Prepare for
  Connected App Usage Restrictions Change" (005132365), "Freeze or Unfreeze User Accounts",
  "Unlock User Accounts", "Restrict Login IP Ranges", "Set Login Hours", "Monitor Login History"
"""

from __future__ import annotations

from dataclasses import dataclass

CALENDAR_SCOPE = "https://www.googleapis.com/auth/calendar"

GOOGLE_ADMIN = "Google Admin console > "
API_CONTROLS = GOOGLE_ADMIN + "Security > Access and data control > API controls"
DELEGATION = API_CONTROLS + " > Domain-wide delegation > Manage Domain Wide Delegation"
APP_ACCESS = API_CONTROLS + " > App access control > Manage Third-Party App Access"
GOOGLE_USERS = GOOGLE_ADMIN + "Directory > Users > (the person)"
CALENDAR_SERVICE = GOOGLE_ADMIN + "Apps > Google Workspace > Calendar > Service status"
SESSION_CONTROL = GOOGLE_ADMIN + "Security > Access and data control > Google Cloud session control"
OAUTH_LOG = GOOGLE_ADMIN + "Reporting > Audit and investigation > OAuth log events"
SERVICE_ACCOUNT = "Google Cloud console > IAM & Admin > Service Accounts > (the account)"
GOOGLE_CLIENT = "Google Cloud console > Google Auth Platform > Clients"
CALENDAR_API = "Google Cloud console > APIs & Services > Library > Google Calendar API"

SETUP = "Salesforce Setup > "
APP_POLICIES = (
    SETUP + "Apps > Connected Apps > Manage Connected Apps > (the app) > Edit Policies > Permitted "
    "Users, or Apps > External Client Apps > External Client App Manager > (the app) > Policies"
)
APP_USAGE = SETUP + "Apps > Connected Apps > Connected Apps OAuth Usage > (the app)"
APP_SETTINGS = (
    SETUP + "Apps > App Manager > (the app) > Edit > Use digital signatures, or Apps > External "
    "Client Apps > External Client App Manager > (the app) > Settings > OAuth Settings"
)
APP_KEY = (
    SETUP + "Apps > App Manager > (the app) > View > Manage Consumer Details, or Apps > External "
    "Client Apps > External Client App Manager > (the app) > Settings > OAuth Settings"
)
SALESFORCE_USERS = SETUP + "Users > Users > (the person)"
PROFILES = SETUP + "Users > Profiles > (the person's profile)"
LOGIN_HISTORY = SETUP + "Identity > Login History"
OPERATOR = "The machine that runs synccenter"

# Where a provider notes what it answered to whom.
WHERE_TOLD = {"google": OAUTH_LOG, "salesforce": LOGIN_HISTORY}

PLACES = {
    "sync-not-connected": "",
    "sync-credential-unreadable": OPERATOR + ": CREDENTIAL_KEYS",
    "proxy-login-required": OPERATOR,
    "proxy-refuses": OPERATOR,
    "certificate-untrusted": OPERATOR,
    "google-sign-in-again": SESSION_CONTROL,
    "google-admin-policy": APP_ACCESS,
    "google-account-gone": GOOGLE_USERS,
    "google-no-such-user": GOOGLE_USERS,
    "google-service-account-gone": SERVICE_ACCOUNT,
    "google-clock-wrong": OPERATOR + ": its clock",
    "google-bad-assertion": SERVICE_ACCOUNT + " > Keys",
    "google-delegation-missing": DELEGATION,
    "google-app-broken": GOOGLE_CLIENT,
    "google-api-disabled": CALENDAR_API,
    "google-region-refused": OPERATOR,
    "google-service-off-for-user": CALENDAR_SERVICE,
    "google-caller-not-permitted": DELEGATION,
    "google-bad-oauth-request": GOOGLE_CLIENT,
    "salesforce-api-off-for-user": PROFILES + " > System Permissions > API Enabled",
    "salesforce-feature-off": PROFILES,
    "salesforce-locked-out": SALESFORCE_USERS + " > Unlock",
    "salesforce-login-hours": PROFILES + " > Login Hours",
    "salesforce-address-not-allowed": (
        SETUP + "Security > Network Access, or the app's policy IP Relaxation"
    ),
    "salesforce-app-not-approved": APP_POLICIES,
    "salesforce-session-policy": SETUP + "Security > Session Settings",
    "salesforce-user-inactive": SALESFORCE_USERS + " > Edit > Active",
    "salesforce-org-closed": SETUP + "Company Settings > Company Information",
    "salesforce-api-off-for-org": SETUP + "Company Settings > Company Information",
    "salesforce-login-refused": LOGIN_HISTORY,
    "salesforce-app-unknown": APP_KEY,
    "salesforce-bad-oauth-request": APP_KEY,
    "salesforce-licence-missing": SALESFORCE_USERS + " > Permission Set Assignments",
}


@dataclass(frozen=True, slots=True)
class Case:
    """An explanation that says more than the rule does. All conditions given must hold.

    `rules` are those that judged the error, `says` words of which one stands in it, in small
    letters; `minted` whether the organization's app had asked. `temporary` is what may pass.
    """

    code: str
    title: str
    meaning: str
    place: str
    next_step: str
    provider: str = ""
    rules: frozenset[str] = frozenset()
    says: tuple[str, ...] = ()
    minted: bool | None = None
    temporary: bool = False


# The first that holds is taken.
CASES = (
    Case(
        code="username_missing",
        title="The person's user name at the provider is not known here",
        meaning="An organization's app asks for one person by name, and there is none to ask by.",
        place="",
        next_step="Enter the person's Salesforce user name or e-mail address, then try again.",
        says=("synccenter.usernamemissing",),
    ),
    Case(
        code="calendar_not_allowed",
        title="The consent left the calendar out",
        meaning="The person allowed the app, but not to see and change the calendar.",
        place="",
        next_step="Ask the person to connect Google again and to leave all the boxes ticked.",
        says=("synccenter.calendarnotallowed",),
    ),
    Case(
        code="consent_not_lasting",
        title="The consent would have ended within hours",
        meaning="It came without a refresh token, so that it could not be renewed.",
        place=APP_SETTINGS + " (scope: Perform requests at any time)",
        next_step="Let the app ask for lasting access, then ask the person to connect again.",
        provider="salesforce",
        says=("synccenter.consentnotlasting",),
    ),
    Case(
        code="consent_not_lasting",
        title="The consent would have ended within hours",
        meaning="It came without a refresh token, so that it could not be renewed.",
        place=GOOGLE_CLIENT,
        next_step="Ask the person to connect Google again; if it stays, check the app's type.",
        says=("synccenter.consentnotlasting",),
    ),
    Case(
        code="wrong_account",
        title="The access is of another account",
        meaning="It works, but for somebody else, with whom this person would be mixed up.",
        place="",
        next_step=(
            "Compare the person's address and Salesforce user, and the organization's Salesforce "
            "domain, here with the provider's."
        ),
        says=("synccenter.wrongaccount",),
    ),
    Case(
        code="no_credential",
        title="The organization has no app of its own at this provider",
        meaning="Without one nobody can be given access on their behalf.",
        place="",
        next_step="Ask the person by a link, or have the organization's app set up.",
        says=("synccenter.nocredential",),
    ),
    Case(
        code="scope_not_delegated",
        title="Google Workspace does not let synccenter act for the domain",
        meaning=(
            "The client ID of the service account is not entered there, or without the calendar "
            "scope. This concerns everybody in the domain, and no person did anything wrong."
        ),
        place=DELEGATION,
        next_step=(
            f"Add the service account's client ID with the scope {CALENDAR_SCOPE}, then try again. "
            "It takes effect within minutes as a rule, at most a day."
        ),
        provider="google",
        rules=frozenset({"google-delegation-missing"}),
        minted=True,
    ),
    Case(
        code="no_such_account",
        title="Google does not know this person's address",
        meaning="There is no account of this address in the Workspace domain.",
        place=GOOGLE_USERS,
        next_step="Compare the address there with the one here, and correct it here.",
        provider="google",
        rules=frozenset({"google-no-such-user"}),
    ),
    Case(
        code="account_gone",
        title="The person's Google account was deleted or suspended",
        meaning="Google gives access to active accounts only.",
        place=GOOGLE_USERS,
        next_step=(
            "Reactivate or restore the account, then try again. Who has left is to be held here."
        ),
        provider="google",
        rules=frozenset({"google-account-gone"}),
    ),
    Case(
        code="key_wrong",
        title="Google does not accept the key of the service account",
        meaning=(
            "The key that was uploaded here is not, or no longer, one of the account's. This "
            "concerns everybody in the organization."
        ),
        place=SERVICE_ACCOUNT + " > Keys",
        next_step="Create a new JSON key there and have it uploaded here, then try again.",
        provider="google",
        says=("invalid jwt signature", "invalid signature"),
        minted=True,
    ),
    Case(
        code="no_reason_given",
        title="Google refused without saying why",
        meaning=(
            "It does not say whether the account, the app or a policy is the reason. It counts as "
            "temporary."
        ),
        place=OAUTH_LOG,
        next_step="Try again in a few minutes. If it stays, look up what Google noted there.",
        provider="google",
        rules=frozenset({"google-access-revoked"}),
        minted=True,
        temporary=True,
    ),
    Case(
        code="app_not_installed",
        title="The app is not installed in Salesforce",
        meaning="Since September 2025 Salesforce lets users into installed apps only.",
        place=APP_USAGE + " > Install",
        next_step="Install the app, let the people use it, then try again.",
        provider="salesforce",
        says=("must be installed", "not installed"),
        rules=frozenset({"salesforce-app-not-approved"}),
    ),
    Case(
        code="app_blocked",
        title="The app is blocked in Salesforce",
        meaning="An admin has blocked it for everybody in the organization.",
        place=APP_USAGE + " > Unblock",
        next_step="Unblock the app, then try again.",
        provider="salesforce",
        says=("blocked",),
        rules=frozenset({"salesforce-app-not-approved"}),
    ),
    Case(
        code="app_not_approved",
        title="Salesforce has not approved the app for this person",
        meaning=(
            "The organization's app may only act for users whom an admin has approved for it, by "
            "profile or permission set. A user name it does not know is answered the same."
        ),
        place=APP_POLICIES,
        next_step=(
            'Set Permitted Users to "Admin approved users are pre-authorized", add the person\'s '
            "profile or permission set, compare the user name here, then try again."
        ),
        provider="salesforce",
        rules=frozenset({"salesforce-app-not-approved"}),
    ),
    Case(
        code="user_inactive",
        title="The person's Salesforce user is deactivated",
        meaning="Salesforce gives access to active users only.",
        place=SALESFORCE_USERS + " > Edit > Active",
        next_step="Activate the user, then try again. Who has left is to be held here.",
        provider="salesforce",
        rules=frozenset({"salesforce-user-inactive"}),
    ),
    Case(
        code="user_frozen",
        title="Salesforce does not let this user in",
        meaning=(
            "The user is frozen, locked out, or kept out by login hours or addresses. Salesforce "
            "says which only in its login history."
        ),
        place=f"{SALESFORCE_USERS} > Unfreeze or Unlock; the reason: {LOGIN_HISTORY}",
        next_step="Unfreeze or unlock the user, then try again.",
        provider="salesforce",
        rules=frozenset({"salesforce-login-refused"}),
        minted=True,
    ),
    Case(
        code="login_address_wrong",
        title="Salesforce was asked at the wrong address",
        meaning="A sandbox has another login address than production.",
        place=OPERATOR + ": SALESFORCE_LOGIN_URL",
        next_step="Ask the operator to set the login address of this organization.",
        provider="salesforce",
        says=("audience",),
        rules=frozenset({"salesforce-bad-oauth-request"}),
    ),
    Case(
        code="clock_wrong",
        title="The clock of the synccenter machine is wrong",
        meaning="What was sent had run out before it arrived.",
        place=OPERATOR + ": its clock",
        next_step="Ask the operator to set the clock by a time server, then try again.",
        provider="salesforce",
        says=("expired authorization code", "expired assertion", "assertion has expired"),
        minted=True,
    ),
    Case(
        code="key_wrong",
        title="Salesforce does not accept the key of the app",
        meaning=(
            "The certificate in the app does not belong to the key that was uploaded here. This "
            "concerns everybody in the organization."
        ),
        place=APP_SETTINGS,
        next_step="Upload the certificate of the key there, or its key here, then try again.",
        provider="salesforce",
        says=("assertion", "signature"),
        rules=frozenset({"salesforce-bad-oauth-request"}),
        minted=True,
    ),
)
