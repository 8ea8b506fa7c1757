"""Settings, all from the environment; a fresh checkout runs with none of them set.

The names and meanings are listed in docs/deployment.md.
"""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

from csp.constants import NONCE, NONE, SELF
from django.core.exceptions import ImproperlyConfigured
from environs import Env

from monitoring.alerts.public_addresses import allowed_check
from synccenter.logs import logging_configuration
from synccenter.mail_url import KEPT, mail_settings

env = Env()

BASE_DIR = Path(__file__).resolve().parent.parent
DEVELOPMENT_KEY = "development-only-key-not-for-any-deployment-0123456789"
DEVELOPMENT_CREDENTIAL_KEY = "ZGV2ZWxvcG1lbnQtb25seS1ub3QtZm9yLWRlcGxveSE="

DEBUG = env.bool("DEBUG", False)
SECRET_KEY = env.str("SECRET_KEY", DEVELOPMENT_KEY)
CREDENTIAL_KEYS = env.list("CREDENTIAL_KEYS", [DEVELOPMENT_CREDENTIAL_KEY])
BASE_URL = env.str("BASE_URL", "http://127.0.0.1:8000")
LOOPBACK = ["127.0.0.1", "localhost", "[::1]"]
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", [*LOOPBACK, urlsplit(BASE_URL).hostname])
SECURE = BASE_URL.startswith("https://")
is_reachable = not {urlsplit(BASE_URL).hostname, *ALLOWED_HOSTS} <= {*LOOPBACK, "::1"}
if is_reachable and (
    SECRET_KEY == DEVELOPMENT_KEY or DEVELOPMENT_CREDENTIAL_KEY in CREDENTIAL_KEYS
):
    raise ImproperlyConfigured(
        "A deployment needs a SECRET_KEY and CREDENTIAL_KEYS of its own; see docs/deployment.md."
    )

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "csp",
    "django_filters",
    "django_htmx",
    "django_tables2",
    "template_partials",
    "django_q",
    "accounts",
    "syncing",
    "monitoring.outcomes",
    "monitoring.audit",
    "monitoring.errors",
    "monitoring.health",
    "monitoring.incidents",
    "monitoring.intake",
    "monitoring.jobs",
    "monitoring.actions",
    "monitoring.alerts",
    "monitoring.replay",
    "monitoring.api",
    "monitoring.console",
    "simulator",
    "synccenter",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
]

ROOT_URLCONF = "synccenter.urls"
WSGI_APPLICATION = "synccenter.wsgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    }
]

# Database. manage.py sets DATABASE_URL to the embedded server where nobody else did.
DATABASES = {
    "default": env.dj_db_url(
        "DATABASE_URL",
        "postgresql://postgres@%2Fno-database%2Fset/synccenter",
        conn_max_age=600,
        conn_health_checks=True,
    )
}
# A database host that vanishes without a word is noticed within seconds.
DATABASES["default"].setdefault("OPTIONS", {})
DATABASES["default"]["OPTIONS"] |= {"connect_timeout": 5, "tcp_user_timeout": 15_000}
# Test runs beside each other need a database each.
DATABASES["default"]["TEST"] = {"NAME": env.str("TEST_DATABASE", "test_synccenter")}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
OUTCOME_PARTITION_DAYS = env.int("OUTCOME_PARTITION_DAYS", 7)
OUTCOME_RETENTION_DAYS = env.int("OUTCOME_RETENTION_DAYS", 400)
# Alerts and messages are forgotten so long after they are over.
MESSAGE_RETENTION_DAYS = env.int("MESSAGE_RETENTION_DAYS", 400)
# How often each organization's page at Salesforce is asked what is planned; 0 for never.
MAINTENANCE_ASK_HOURS = env.float("MAINTENANCE_ASK_HOURS", 24)

# Of all people the back-test ran over: a changed rule that moves more waits for a second look.
SECOND_LOOK_SHARE = env.float("SECOND_LOOK_SHARE", 0.1)
if not 0 <= SECOND_LOOK_SHARE <= 1:
    raise ImproperlyConfigured("SECOND_LOOK_SHARE must be a share between 0 and 1, like 0.1.")

# Cache and broker: Redis where there is one, else PostgreSQL for both.
REDIS_URL = env.str("REDIS_URL", "")
CACHES = {
    "default": (
        {
            "BACKEND": "django.core.cache.backends.redis.RedisCache",
            "LOCATION": REDIS_URL,
        }
        if REDIS_URL
        else {
            "BACKEND": "django.core.cache.backends.db.DatabaseCache",
            "LOCATION": "cache",
            # Counts of tries are kept here. Above so many it forgets entries that still hold.
            "OPTIONS": {"MAX_ENTRIES": 100_000},
        }
    )
}

# Sign-in.
AUTHENTICATION_BACKENDS = [
    "django.contrib.auth.backends.ModelBackend",
    "allauth.account.auth_backends.AuthenticationBackend",
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "/"
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]
ACCOUNT_ADAPTER = "accounts.sign_in.ClosedSignUpAdapter"
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_USER_MODEL_USERNAME_FIELD = "username"
ALLAUTH_TRUSTED_PROXY_COUNT = env.int("TRUSTED_PROXY_COUNT", 0)
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
# How often a link to one's own page may be asked for, from one network and for one address. The
# network comes first: what it is refused must leave no entry for each address it invents.
# A signed link may be posted to so often by whoever has it: each time is an entry of the audit log.
ACCOUNT_RATE_LIMITS = {
    "person_link_network": "300/h/ip",
    "person_link": "5/h/key",
    "alert_ticket": "60/h/key",
    "unsubscribe": "20/h/key",
    "confirm_address": "20/h/key",
}
MFA_SUPPORTED_TYPES = ["totp", "recovery_codes", "webauthn"]

# Mail. Without a server it is kept in the outbox, where the console shows it.
try:
    MAIL = mail_settings(env.str("EMAIL_URL", KEPT))
except ValueError as error:
    raise ImproperlyConfigured(str(error)) from None
EMAIL_BACKEND = MAIL.backend
EMAIL_HOST = MAIL.host
EMAIL_PORT = MAIL.port
EMAIL_HOST_USER = MAIL.user
EMAIL_HOST_PASSWORD = MAIL.password
EMAIL_USE_TLS = MAIL.use_tls
EMAIL_USE_SSL = MAIL.use_ssl
# Seconds a mail server may take for one answer; a worker waits for it a dozen times.
EMAIL_TIMEOUT = MAIL.timeout
ANYMAIL = MAIL.anymail
# Who sends them; the recipients' mail servers want a domain that names ours.
DEFAULT_FROM_EMAIL = SERVER_EMAIL = env.str("MAIL_FROM", "synccenter <synccenter@localhost>")
# Whether the console shows links of mails that open something to whoever has them. For the demo.
OUTBOX_SHOWS_LINKS = env.bool("OUTBOX_SHOWS_LINKS", False)
# Servers in private networks to which chats and webhooks may lead: host:port, or networks.
ALERT_TARGETS_ALLOWED: list[str] = env.list("ALERT_TARGETS_ALLOWED", [])
try:
    allowed_check(ALERT_TARGETS_ALLOWED)
except ValueError as error:
    raise ImproperlyConfigured(f"ALERT_TARGETS_ALLOWED: {error}.") from error

# Providers. The defaults are the vendors' own addresses; the demo and the tests point elsewhere.
GOOGLE_API_ROOT = env.str("GOOGLE_API_ROOT", "https://www.googleapis.com")
GOOGLE_TOKEN_URL = env.str("GOOGLE_TOKEN_URL", "https://oauth2.googleapis.com/token")
GOOGLE_AUTHORIZE_URL = env.str(
    "GOOGLE_AUTHORIZE_URL", "https://accounts.google.com/o/oauth2/v2/auth"
)
SALESFORCE_LOGIN_URL = env.str("SALESFORCE_LOGIN_URL", "https://login.salesforce.com")
GOOGLE_STATUS_URL = env.str("GOOGLE_STATUS_URL", "https://www.google.com/appsstatus/dashboard")
SALESFORCE_STATUS_URL = env.str("SALESFORCE_STATUS_URL", "https://api.status.salesforce.com/v1")

# Language, time, static files.
LANGUAGE_CODE = "en"
USE_I18N = False
USE_TZ = True
TIME_ZONE = "UTC"
STATIC_URL = "static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
STATIC_ROOT = BASE_DIR / ".data" / "static"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
WHITENOISE_USE_FINDERS = True

# Security.
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF, NONCE],
        "style-src": [SELF, NONCE],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
        "base-uri": [NONE],
    }
}
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE
SESSION_COOKIE_HTTPONLY = CSRF_COOKIE_HTTPONLY = True
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if SECURE else None
SECURE_HSTS_SECONDS = 31_536_000 if SECURE else 0
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
CSRF_TRUSTED_ORIGINS = [f"{urlsplit(BASE_URL).scheme}://{urlsplit(BASE_URL).netloc}"]
# A delivery of outcomes may be large (docs/outcomes.md).
DATA_UPLOAD_MAX_MEMORY_SIZE = 32 * 1024 * 1024

# Logs: one event a line on standard error, for people or, with LOG_FORMAT=json, for machines.
LOGGING = logging_configuration(
    level=env.str("LOG_LEVEL", "INFO"), as_json=env.str("LOG_FORMAT", "text") == "json"
)

# What runs: shown beside an incident that begins soon after it changed.
RELEASE = env.str("RELEASE", "0.1.0")

# Jobs (monitoring.jobs, docs/jobs.md); durations in seconds. A pass must be over, at JOB_DEADLINE,
# well before its lease ends and another worker may begin the next.
JOB_RUNNER = env.str("JOB_RUNNER", "syncing.runner.EngineRunner")
JOB_DEADLINE = env.float("JOB_DEADLINE", 45)
JOB_LEASE = env.float("JOB_LEASE", 90)
DRAIN_BUDGET = env.float("DRAIN_BUDGET", 60)
DRAIN_THREADS = env.int("DRAIN_THREADS", 64)
# Doorbells worth ringing at once: the worker processes of all hosts together.
DRAIN_SLOTS = env.int("DRAIN_SLOTS", 16)
TICK_SECONDS = env.float("TICK_SECONDS", 30)
# How many people of an organization a bulk sync starts a second.
ACTION_PEOPLE_PER_SECOND = env.float("ACTION_PEOPLE_PER_SECOND", 4)
if not 0 < ACTION_PEOPLE_PER_SECOND <= 1_000:
    raise ImproperlyConfigured("ACTION_PEOPLE_PER_SECOND must be a number above 0, like 4.")
PROBE_STAT_SECONDS = env.float("PROBE_STAT_SECONDS", 15)
PROBE_BEAT_SECONDS = env.float("PROBE_BEAT_SECONDS", 60)

# The queue carries doorbells only; these numbers keep it harmless when it breaks. A drain ends by
# itself after budget, deadline and lease; the queue's own time-out is for one that does not.
WORKERS = env.int("WORKERS", 2)
FAST_WORKERS = env.int("FAST_WORKERS", 1)
DRAIN_TIMEOUT = int(DRAIN_BUDGET + JOB_DEADLINE + JOB_LEASE) + 30
Q_CLUSTER = {
    "name": "synccenter",
    "workers": WORKERS,
    "queue_limit": 1,
    "bulk": 1,
    "poll": 0.2,
    "save_limit": -1,
    "ack_failures": True,
    "max_attempts": 1,
    "timeout": DRAIN_TIMEOUT,
    "retry": DRAIN_TIMEOUT * 3,
    "recycle": 50,
    "max_rss": 600_000,
    "scheduler": False,
    "ALT_CLUSTERS": {"fast": {"workers": FAST_WORKERS}},
} | ({"redis": REDIS_URL} if REDIS_URL else {"orm": "default"})
