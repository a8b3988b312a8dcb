"""Settings. Everything that differs between machines comes from the environment; docs/operations.md lists it."""

import os
from pathlib import Path
from typing import Any

import structlog
from celery.schedules import schedule

from config.env import Environment

BASE_DIR = Path(__file__).resolve().parent.parent
DATA = Path(os.environ.get("DATA") or BASE_DIR / "var").resolve()
DATA.mkdir(parents=True, exist_ok=True)
env = Environment(DATA)

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
    "unfold",
    "django.contrib.admin",
    "django.contrib.auth",
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
    "rest_framework",
    "accounts",
    "exports",
    "retention",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django_structlog.middlewares.RequestMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
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

# --- People and requests -------------------------------------------------------------------------------------------
AUTH_USER_MODEL = "accounts.User"
LOGIN_URL = "sign-in"
LOGIN_REDIRECT_URL = "console"
LOGOUT_REDIRECT_URL = "sign-in"
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in ("UserAttributeSimilarityValidator", "MinimumLengthValidator", "CommonPasswordValidator", "NumericPasswordValidator")
]
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE_SSL_REDIRECT = PRODUCTION
SECURE_HSTS_SECONDS = 31_536_000 if PRODUCTION else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = PRODUCTION
if env.boolean("BEHIND_PROXY", default=False):
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
X_FRAME_OPTIONS = "DENY"
DATA_UPLOAD_MAX_MEMORY_SIZE = 1_048_576

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["accounts.api.authentication.BearerAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["accounts.api.permissions.InOrganization"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Strongroom",
    "DESCRIPTION": "Exports of your own databases, sealed for the certificates you trust.",
    "VERSION": VERSION,
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_PERMISSIONS": ["rest_framework.permissions.AllowAny"],
    "SERVE_AUTHENTICATION": [],
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "COMPONENT_SPLIT_REQUEST": True,
    "ENUM_NAME_OVERRIDES": {},
}

LANGUAGE_CODE = "en-gb"
TIME_ZONE = "UTC"
USE_TZ = True
USE_I18N = True

STATIC_URL = "static/"
STATIC_ROOT = DATA / "static"
STATIC_ROOT.mkdir(exist_ok=True)
STATICFILES_DIRS = [BASE_DIR / "static"]
WHITENOISE_USE_FINDERS = True

# --- Where sealed files go -----------------------------------------------------------------------------------------
S3_BUCKET = env.text("S3_BUCKET", "")
_FILES: dict[str, Any] = {"BACKEND": "exports.sealing.storage.DurableFileSystemStorage", "OPTIONS": {"location": DATA / "files"}}
if S3_BUCKET:
    _FILES = {
        "BACKEND": "exports.sealing.storage.StreamingS3Storage",
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
FILE_DAYS = env.whole("FILE_DAYS", 30, low=1, high=3650)
LINK_SECONDS = env.whole("LINK_SECONDS", 900, low=1, high=86_400)
# SQLite sources must lie here: an organization must not reach other files of this machine by naming them.
SQLITE_FOLDER = Path(env.text("SQLITE_FOLDER", str(DATA / "sources"))).resolve()

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
CELERY_BEAT_SCHEDULER = "django_celery_beat.schedulers:DatabaseScheduler"
CELERY_BEAT_MAX_LOOP_INTERVAL = POLL_SECONDS
CELERY_BEAT_SCHEDULE = {
    "look": {"task": "exports.look", "schedule": schedule(POLL_SECONDS), "options": {"expires": POLL_SECONDS}},
    "tidy": {"task": "exports.tidy", "schedule": schedule(3600), "options": {"expires": 3600}},
}

# Tracebacks are written without the values of local variables, which may be rows or secrets.
_LOG_STEPS: list[Any] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_logger_name,
    structlog.stdlib.add_log_level,
    structlog.processors.TimeStamper(fmt="iso"),
    structlog.processors.format_exc_info,
]
structlog.configure(
    processors=[structlog.stdlib.filter_by_level, *_LOG_STEPS, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
    logger_factory=structlog.stdlib.LoggerFactory(),
    cache_logger_on_first_use=True,
)
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "plain": {
            "()": structlog.stdlib.ProcessorFormatter,
            "processor": structlog.processors.LogfmtRenderer(key_order=["timestamp", "level", "logger", "event"], bool_as_flag=False),
            "foreign_pre_chain": _LOG_STEPS,
        }
    },
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "plain"}},
    "root": {"handlers": ["console"], "level": env.choice("LOG_LEVEL", "WARNING", ("DEBUG", "INFO", "WARNING", "ERROR"))},
}

UNFOLD = {
    "SITE_TITLE": "Strongroom",
    "SITE_HEADER": "Strongroom",
    "SITE_SYMBOL": "lock",
    "SITE_URL": "/",
    "COLORS": {
        "primary": {
            "50": "#eef7f5",
            "100": "#d5ebe7",
            "200": "#aed8d1",
            "300": "#7dbdb3",
            "400": "#4d9d91",
            "500": "#2f8175",
            "600": "#1d685e",
            "700": "#0c5a52",
            "800": "#0b4842",
            "900": "#0a3b37",
            "950": "#052321",
        }
    },
}
