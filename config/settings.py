"""Settings. Everything that differs between machines comes from the environment; docs/operations.md lists it."""

import os
from datetime import timedelta
from pathlib import Path
from typing import Any

from celery.schedules import schedule
from django.templatetags.static import static

from config import faces, logs, oidc
from config.env import Environment, forget_libpq_variables

BASE_DIR = Path(__file__).resolve().parent.parent
DATA = Path(os.environ.get("DATA") or BASE_DIR / "var").resolve()
DATA.mkdir(parents=True, exist_ok=True)
env = Environment(DATA)
# Where Numba keeps the machine code of formats/cells.py and of the reader of SQLite; it reads this when it is first imported.
os.environ.setdefault("NUMBA_CACHE_DIR", str(DATA / "cache"))
forget_libpq_variables()

# `embedded` makes its own secrets in DATA and serves plain HTTP on this machine; `production` takes nothing for granted.
MODE = env.choice("MODE", "embedded", ("embedded", "production"))
PRODUCTION = MODE == "production"

SECRET_KEY = env.secret("SECRET_KEY", generate=not PRODUCTION)
# Seals the connection URLs of sources at rest. The first key encrypts, all of them decrypt: prepend one to rotate.
ENCRYPTION_KEYS = env.secret("ENCRYPTION_KEYS", generate=not PRODUCTION).split(",")
DEBUG = False
# What /version answers; whoever builds a release says the last two.
VERSION = "0.1.0"
BUILD_NUMBER = env.text("BUILD_NUMBER", "0")
CHANGESET = env.text("CHANGESET", "unknown")
# The demo administrator's, for `manage.py prepare`; without it one is made and kept in DATA.
ADMIN_PASSWORD = env.text("ADMIN_PASSWORD", "")
ALLOWED_HOSTS = env.words("ALLOWED_HOSTS", ["localhost", "127.0.0.1", "[::1]"])
CSRF_TRUSTED_ORIGINS = env.words("CSRF_TRUSTED_ORIGINS", [])

INSTALLED_APPS = [
    "axes",
    "corsheaders",
    "unfold",
    "django.contrib.admin",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django_celery_beat",
    "django_htmx",
    "django_structlog",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "oauth2_provider",
    "rest_framework",
    "accounts",
    "django.contrib.auth",  # after accounts, which audits its commands
    "exports",
    "retention",
]

MIDDLEWARE = [
    "accounts.middleware.correlation.CorrelationMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "accounts.middleware.policy.PolicyMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "accounts.middleware.cors.CorsMiddleware",
    "accounts.middleware.limits.LimitMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "accounts.middleware.sessions.SessionEndMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "axes.middleware.AxesMiddleware",
]

ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
APPEND_SLASH = False

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
    },
]

# --- Strongroom's own database -------------------------------------------------------------------------------------
DATABASES = {"default": env.database("DATABASE_URL", f"sqlite:///{DATA}/strongroom.sqlite3")}
if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    DATABASES["default"]["OPTIONS"] = {
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
    }
    # A file, not memory: the engine works in threads and processes, and each needs a connection of its own.
    DATABASES["default"]["TEST"] = {"NAME": str(DATA / "test.sqlite3")}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# What is counted by many and may be lost: rate limits. Several web processes need one that they share (accounts.W001).
CACHES = {"default": env.cache("CACHE_URL", env.text("CACHE_PREFIX", "strongroom"))}

# --- People and requests -------------------------------------------------------------------------------------------
AUTH_USER_MODEL = "accounts.User"
LOGIN_URL = "sign-in"
LOGIN_REDIRECT_URL = "console"
LOGOUT_REDIRECT_URL = "sign-in"
# The OpenID Connect provider that people may sign in with, or None. docs/oidc.md
OIDC = oidc.read(env)
if OIDC and OIDC.refresh_seconds:
    MIDDLEWARE.append("accounts.oidc.middleware.SessionRefresh")
AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",
    "django.contrib.auth.backends.ModelBackend",
    "accounts.oidc.backend.ProviderBackend",
]
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in ("UserAttributeSimilarityValidator", "MinimumLengthValidator", "CommonPasswordValidator", "NumericPasswordValidator")
]
PASSWORD_RESET_TIMEOUT = 60 * env.whole("PASSWORD_RESET_MINUTES", 60, low=5, high=4320)
# Sign-in is locked by account and address together: a stranger elsewhere cannot lock a user out. Counted in the database, so
# that it holds for all processes; whatever else a form or query of a failed attempt held is not kept.
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_FAILURE_LIMIT = env.whole("SIGN_IN_ATTEMPTS", 5, low=1, high=1000)
AXES_COOLOFF_TIME = timedelta(minutes=env.whole("SIGN_IN_COOL_OFF_MINUTES", 15, low=1, high=1440))
AXES_RESET_COOL_OFF_ON_FAILURE_DURING_LOCKOUT = False
AXES_RESET_ON_SUCCESS = True
AXES_CLIENT_IP_CALLABLE = "accounts.middleware.addresses.client_network"
AXES_WHITELIST_CALLABLE = "accounts.middleware.lockout.is_not_ours"
AXES_LOCKOUT_CALLABLE = "accounts.middleware.lockout.locked_out"
AXES_HANDLER = "accounts.middleware.lockout.Handler"
AXES_DISABLE_ACCESS_LOG = True
AXES_ENABLE_ADMIN = False
AXES_VERBOSE = False

# `__Host-`: browsers take such a cookie over HTTPS only, from this host only, and for all of it.
SESSION_COOKIE_NAME = "__Host-session" if PRODUCTION else "session"
CSRF_COOKIE_NAME = "__Host-csrf" if PRODUCTION else "csrf"
SESSION_COOKIE_HTTPONLY = CSRF_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE_SSL_REDIRECT = PRODUCTION
SESSION_HOURS = env.whole("SESSION_HOURS", 12, low=1, high=720)
SESSION_IDLE_MINUTES = env.whole("SESSION_IDLE_MINUTES", 60, low=1, high=43_200)
SESSION_COOKIE_AGE = SESSION_HOURS * 3600
SECURE_HSTS_SECONDS = env.whole("HSTS_SECONDS", 31_536_000 if PRODUCTION else 0, low=0, high=63_072_000)
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = SECURE_HSTS_SECONDS > 0
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'none'"],
        "base-uri": ["'none'"],
        "connect-src": ["'self'"],
        "font-src": ["'self'"],
        "form-action": ["'self'"],
        "frame-ancestors": ["'none'"],
        "img-src": ["'self'", "data:"],
        "object-src": ["'none'"],
        "script-src": ["'self'"],
        "style-src": ["'self'"],
    }
}
# Whose X-Forwarded-For is believed. Nobody's, unless somebody says so: the header is the client's to write.
TRUSTED_PROXIES = env.networks("TRUSTED_PROXIES", [])
if env.boolean("BEHIND_PROXY", default=False):
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
# API keys: a key lives this many days unless its maker says another number, and never more than the maximum.
API_KEY_MAX_DAYS = env.whole("API_KEY_MAX_DAYS", 365, low=1, high=3650)
API_KEY_DAYS = env.whole("API_KEY_DAYS", min(90, API_KEY_MAX_DAYS), low=1, high=API_KEY_MAX_DAYS)
API_KEY_REQUIRED = env.boolean("API_KEY_REQUIRED", default=False)
# Whether the retention rules' API takes a user's name and password with each request (HTTP Basic), as its document demands.
RETENTION_BASIC = env.boolean("RETENTION_BASIC", default=True)
X_FRAME_OPTIONS = "DENY"
DATA_UPLOAD_MAX_MEMORY_SIZE = 1_048_576
# Requests by minute and hour; 0 does not limit. An address is what counts for whoever shows no credential that is valid.
LIMITS = {
    kind: {window: env.whole(f"LIMIT_{kind}_{window}".upper(), default, low=0, high=10**9) for window, default in windows.items()}
    for kind, windows in {
        "user": {"minute": 600, "hour": 20_000},
        "organization": {"minute": 3_000, "hour": 100_000},
        "address": {"minute": 120, "hour": 3_000},
    }.items()
}

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "accounts.api.oidc.ProviderTokenAuthentication",
        "accounts.api.authentication.BearerAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["accounts.api.permissions.InOrganization"],
    "DEFAULT_THROTTLE_CLASSES": ["accounts.middleware.limits.Throttle"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
}
FACES = faces.FACES
# The heads of the documents, their servers and what every operation shares: accounts/api/documents.py.
SPECTACULAR_SETTINGS = {
    "OAS_VERSION": "3.1.0",
    "GET_LIB_DOC_EXCLUDES": "accounts.api.documents.without_descriptions",
    "ENABLE_LIST_MECHANICS_ON_NON_2XX": True,
    "ENABLE_DJANGO_DEPLOY_CHECK": False,  # it knows no faces; `make check` looks at each document
    "SERVE_PERMISSIONS": ["rest_framework.permissions.AllowAny"],
    "SERVE_AUTHENTICATION": [],
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "COMPONENT_SPLIT_REQUEST": True,
    "ENUM_NAME_OVERRIDES": {
        "DeliveryStatus": "exports.models.notice.Delivery.Status",
        "PurgeStatus": "retention.models.purge.Purge.Status",
        "RetentionJobStatus": "retention.models.job.RetentionJob.Status",
        "JobStatus": ["Scheduled", "Pending", "InProgress", "Suspended", "Completed", "Failed", "Cancelled"],
    },
}

# --- OAuth 2 (docs/auth.md) ----------------------------------------------------------------------------------------
OAUTH2_PROVIDER_APPLICATION_MODEL = "accounts.Application"
OAUTH2_PROVIDER_GRANT_MODEL = "accounts.Grant"
OAUTH2_PROVIDER_ACCESS_TOKEN_MODEL = "accounts.AccessToken"  # noqa: S105 the name of a model
OAUTH2_PROVIDER_REFRESH_TOKEN_MODEL = "accounts.RefreshToken"  # noqa: S105 the name of a model
OAUTH2_PROVIDER_ID_TOKEN_MODEL = "accounts.IDToken"  # noqa: S105 the name of a model
_URI_SCHEMES = ["https"] if PRODUCTION else ["https", "http"]
OAUTH2_PROVIDER = {
    "OAUTH2_SERVER_CLASS": "accounts.oauth.server.Server",
    "OAUTH2_VALIDATOR_CLASS": "accounts.oauth.validator.Validator",
    "SCOPES": {"*": "Everything that your roles allow"},
    "ACCESS_TOKEN_EXPIRE_SECONDS": env.whole("TOKEN_SECONDS", 43_200, low=60, high=30 * 86_400),
    "REFRESH_TOKEN_EXPIRE_SECONDS": env.whole("REFRESH_TOKEN_SECONDS", 30 * 86_400, low=60, high=365 * 86_400),
    "REFRESH_TOKEN_REUSE_PROTECTION": True,
    "ALLOWED_REDIRECT_URI_SCHEMES": _URI_SCHEMES,
    "ALLOWED_SCHEMES": _URI_SCHEMES,  # of the origins that may call from a browser
    # RFC 9700, all of it. The one exception is Strongroom's own: applications that an administrator marks keep the password grant.
    **{
        f"COMPLIANT_BCP_RFC9700_{rule}": True
        for rule in (
            "IMPLICIT_GRANT PASSWORD_GRANT PKCE_METHOD ACCESS_TOKEN_TRANSPORT AUTHZ_RESPONSE_ISS TOKEN_STORAGE "
            "REFRESH_TOKEN REDIRECT_URI_MATCHING PKCE_REQUIRED"
        ).split()
    },
    "COMPLIANT_BCP_RFC9700_REDIRECT_URI_SCHEME": PRODUCTION,
}

# Which origins: accounts/middleware/cors.py.
CORS_URLS_REGEX = r"^/(api|auth|data-download|orgs|retention|udm)/"
CORS_ALLOW_CREDENTIALS = False
CORS_ALLOW_HEADERS = ["accept", "authorization", "content-type", "x-api-key", "x-correlation-id"]
CORS_EXPOSE_HEADERS = [
    *("Deprecation", "Location", "Retry-After", "Warning", "X-Correlation-Id", "X-GWS-User"),
    *(f"X-RateLimit-{kind}-{span}" for kind in ("Limit", "Remaining") for span in ("Minute", "Hour")),
]
CORS_PREFLIGHT_MAX_AGE = 3600

LANGUAGE_CODE = "en-gb"
TIME_ZONE = "UTC"
USE_TZ = True
USE_I18N = True

STATIC_URL = "static/"
STATIC_ROOT = DATA / "static"
STATIC_ROOT.mkdir(exist_ok=True)
STATICFILES_DIRS = [BASE_DIR / "static"]
WHITENOISE_USE_FINDERS = True
WHITENOISE_ALLOW_ALL_ORIGINS = False

# --- Mail ----------------------------------------------------------------------------------------------------------
# Without a mail server the embedded default keeps what it would send in files; production then offers nothing that needs mail.
_MAIL = env.mail("EMAIL_URL")
MAIL_FOLDER = None if _MAIL or PRODUCTION else DATA / "mail"
SENDS_MAIL = bool(_MAIL or MAIL_FOLDER)
if MAIL_FOLDER:
    MAIL_FOLDER.mkdir(mode=0o700, exist_ok=True)
    _MAIL = {"EMAIL_BACKEND": "django.core.mail.backends.filebased.EmailBackend", "EMAIL_FILE_PATH": str(MAIL_FOLDER)}
_MAIL = _MAIL or {"EMAIL_BACKEND": "django.core.mail.backends.dummy.EmailBackend"}
EMAIL_BACKEND = _MAIL["EMAIL_BACKEND"]
EMAIL_FILE_PATH = _MAIL.get("EMAIL_FILE_PATH")
EMAIL_HOST, EMAIL_PORT = _MAIL.get("EMAIL_HOST") or "", _MAIL.get("EMAIL_PORT", 0)
EMAIL_HOST_USER, EMAIL_HOST_PASSWORD = _MAIL.get("EMAIL_HOST_USER") or "", _MAIL.get("EMAIL_HOST_PASSWORD") or ""
EMAIL_USE_TLS, EMAIL_USE_SSL = bool(_MAIL.get("EMAIL_USE_TLS")), bool(_MAIL.get("EMAIL_USE_SSL"))
EMAIL_TIMEOUT = 20
DEFAULT_FROM_EMAIL = env.text("EMAIL_FROM", None if PRODUCTION and SENDS_MAIL else "Strongroom <strongroom@localhost>")

# --- Where sealed files go -----------------------------------------------------------------------------------------
S3_BUCKET = env.text("S3_BUCKET", "")
_FILES: dict[str, Any] = {"BACKEND": "exports.sealing.storage.DurableFileSystemStorage", "OPTIONS": {"location": DATA / "files"}}
if S3_BUCKET:
    _FILES = {
        "BACKEND": "exports.sealing.s3.StreamingS3Storage",
        "OPTIONS": {
            "bucket_name": S3_BUCKET,
            "endpoint_url": env.text("S3_ENDPOINT_URL", "") or None,
            "region_name": env.text("S3_REGION", "") or None,
            "access_key": env.text("S3_ACCESS_KEY", "") or None,
            "secret_key": env.text("S3_SECRET_KEY", "") or None,
            "location": env.text("S3_PREFIX", ""),
            "file_overwrite": False,
            "default_acl": None,
            "querystring_auth": True,
            "signature_version": "s3v4",
        },
    }
STORAGES = {"default": _FILES, "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}}

# --- Runs ----------------------------------------------------------------------------------------------------------
LEASE_SECONDS = env.whole("LEASE_SECONDS", 30, low=2, high=3600)
RUN_TIME_LIMIT_SECONDS = env.whole("RUN_TIME_LIMIT_SECONDS", 86_400, low=1, high=30 * 86_400)
RUN_ATTEMPTS = env.whole("RUN_ATTEMPTS", 5, low=1, high=100)
RETRY_SECONDS = env.whole("RETRY_SECONDS", 5, low=0, high=3600)
POLL_SECONDS = env.whole("POLL_SECONDS", 5, low=1, high=3600)
# A slot that is started so much later than it was due was missed; what becomes of it, the job's misfire policy says.
MISFIRE_SECONDS = env.whole("MISFIRE_SECONDS", 60, low=10, high=86_400)
FAILURES_BEFORE_SUSPENSION = env.whole("FAILURES_BEFORE_SUSPENSION", 5, low=0, high=1000)
SYNC_LAG_SECONDS = env.whole("SYNC_LAG_SECONDS", 300, low=0, high=86_400)
SYNC_OVERLAP_SECONDS = env.whole("SYNC_OVERLAP_SECONDS", 600, low=0, high=7 * 86_400)
FILE_RETENTION_DAYS = env.whole("FILE_RETENTION_DAYS", 30, low=1, high=3650)
LINK_SECONDS = env.whole("LINK_SECONDS", 900, low=1, high=86_400)
# Days before files expire that their owners are told; 0 tells nobody.
FILE_WARNING_DAYS = env.whole("FILE_WARNING_DAYS", min(3, FILE_RETENTION_DAYS - 1), low=0, high=min(60, FILE_RETENTION_DAYS - 1))
# Where sources may lie besides private and public networks: this machine itself only in the embedded mode. Never by itself
# where clouds answer questions about themselves (exports/sources/network.py).
SOURCE_NETWORKS = env.networks("SOURCE_NETWORKS", [] if PRODUCTION else ["127.0.0.0/8", "::1"])
# SQLite sources must lie here: an organization must not reach other files of this machine by naming them.
SQLITE_FOLDER = Path(env.text("SQLITE_FOLDER", str(DATA / "sources"))).resolve()

# --- Notices (docs/notifications.md) -------------------------------------------------------------------------------
# Below this address people reach the console; links in e-mails begin with it. Without it they hold none.
PUBLIC_URL = env.text("PUBLIC_URL", "").rstrip("/")
# Where webhooks may lead besides public addresses.
WEBHOOK_NETWORKS = env.networks("WEBHOOK_NETWORKS", [])
NOTICE_ATTEMPTS = env.whole("NOTICE_ATTEMPTS", 8, low=1, high=20)
NOTICE_RETRY_SECONDS = env.whole("NOTICE_RETRY_SECONDS", 10, low=1, high=3600)
NOTICE_DAYS = env.whole("NOTICE_DAYS", 90, low=90, high=3650)

# --- Celery: a wake channel, nothing more --------------------------------------------------------------------------
CELERY_BROKER_URL = env.text("BROKER_URL", "filesystem://localhost")
if CELERY_BROKER_URL.startswith("filesystem://"):
    _QUEUE = DATA / "wake"
    _QUEUE.mkdir(exist_ok=True)
    CELERY_BROKER_TRANSPORT_OPTIONS = {
        "data_folder_in": str(_QUEUE),
        "data_folder_out": str(_QUEUE),
        "control_folder": str(_QUEUE / "control"),
        "polling_interval": 0.25,  # seconds between looks into the folder: a wake is quick, and so is a stop
    }
CELERY_TASK_DEFAULT_QUEUE = env.text("QUEUE", "strongroom")
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_MAX_TASKS_PER_CHILD = 100
CELERY_WORKER_MAX_MEMORY_PER_CHILD = 1_000_000  # KiB: a child above it is replaced after its task
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_WORKER_ENABLE_REMOTE_CONTROL = False  # what is to be done, and what was, stands in the database
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_TIMEZONE = "UTC"
CELERY_BEAT_SCHEDULER = "exports.scheduler:Scheduler"
CELERY_BEAT_MAX_LOOP_INTERVAL = POLL_SECONDS
CELERY_BEAT_SCHEDULE = {
    "look": {"task": "exports.look", "schedule": schedule(POLL_SECONDS), "options": {"expires": POLL_SECONDS}},
    "retain": {"task": "retention.look", "schedule": schedule(POLL_SECONDS), "options": {"expires": POLL_SECONDS}},
    "deliver": {"task": "exports.deliver", "schedule": schedule(POLL_SECONDS), "options": {"expires": POLL_SECONDS}},
    "tidy": {"task": "exports.tidy", "schedule": schedule(3600), "options": {"expires": 3600}},
}

LOGGING = logs.configure(env.choice("LOG_LEVEL", "WARNING", ("DEBUG", "INFO", "WARNING", "ERROR")))

UNFOLD = {
    "SITE_TITLE": "Strongroom",
    "SITE_HEADER": "Strongroom",
    "SITE_SYMBOL": "lock",
    "SITE_URL": "/",
    # No colours here: unfold would write them into each page, which the Content-Security-Policy forbids.
    "COLORS": lambda _: {},
    "STYLES": [lambda _: static("admin.css")],
}
