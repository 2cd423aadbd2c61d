"""Django's settings. Nothing set means: SQLite, tasks in process, cache in memory, files under ``var/``."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from config import env, values
from config.logs import logging_settings
from priorconsent.log.countersigners import Countersigners

ENV = env.read_environment()

# Where the checkout is, for apps: they may not import this package.
BASE_DIR = values.BASE_DIR

# --- ours -------------------------------------------------------------------------------------------
PRIORCONSENT_DATA = ENV["PRIORCONSENT_DATA"]
PRIORCONSENT_ORIGIN = ENV["PRIORCONSENT_ORIGIN"]
ORIGIN_IS_STAND_IN = PRIORCONSENT_ORIGIN.startswith("localhost/")
PRIORCONSENT_BASE_URL = ENV["PRIORCONSENT_BASE_URL"]
PRIORCONSENT_KEY_DIR = ENV["PRIORCONSENT_KEY_DIR"]
PRIORCONSENT_KEYS = {
    "log": ENV["PRIORCONSENT_LOG_KEY"],
    "log-mldsa": ENV["PRIORCONSENT_LOG_MLDSA_KEY"],
    "grant": ENV["PRIORCONSENT_GRANT_KEY"],
    "receipt": ENV["PRIORCONSENT_RECEIPT_KEY"],
    "account": ENV["PRIORCONSENT_ACCOUNT_KEY"],
}
PRIORCONSENT_KEY_PASSPHRASE = ENV["PRIORCONSENT_KEY_PASSPHRASE"]
PRIORCONSENT_PLAIN_KEYS = ENV["PRIORCONSENT_PLAIN_KEYS"]
if PRIORCONSENT_PLAIN_KEYS is None:
    # Nothing set means a laptop, and nobody has lost anything there yet.
    PRIORCONSENT_PLAIN_KEYS = ORIGIN_IS_STAND_IN or ENV["PRIORCONSENT_DEBUG"]
ROOT_KEY_IS_ONLINE = (PRIORCONSENT_KEY_DIR / "root.pem").exists()
PRIORCONSENT_KEY_DELAY_S = ENV["PRIORCONSENT_KEY_DELAY_S"]
PRIORCONSENT_WITNESS_POLICY: Countersigners = ENV["PRIORCONSENT_WITNESS_POLICY"] or Countersigners()
PRIORCONSENT_SIGNED_STORE: Path | None = ENV["PRIORCONSENT_SIGNED_STORE"]
PRIORCONSENT_TSA_URLS: tuple[str, ...] = ENV["PRIORCONSENT_TSA_URLS"]
PRIORCONSENT_TSA_CA: tuple[str, ...] = ENV["PRIORCONSENT_TSA_CA"] or ()
PRIORCONSENT_STAMP_EVERY_S: int = ENV["PRIORCONSENT_STAMP_EVERY_S"]
PRIORCONSENT_FRESH_FOR_S = ENV["PRIORCONSENT_FRESH_FOR_S"]

# --- Django -----------------------------------------------------------------------------------------
DEBUG = ENV["PRIORCONSENT_DEBUG"]
SECRET_KEY_IS_STAND_IN = ENV["SECRET_KEY"] is None
SECRET_KEY = ENV["SECRET_KEY"] or secrets.token_urlsafe(64)
if SECRET_KEY_IS_STAND_IN:
    env.warn_of_stand_in("SECRET_KEY is not set; a random one is used until this process ends")

INSTALLED_APPS = [
    "django.contrib.contenttypes",
    "django.contrib.auth",
    "django.contrib.staticfiles",
    "rest_framework",
    "drf_spectacular",
    "transparency",
    "registry",
    "accounts",
    "licences",
    "api",
    "config",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "config.middleware.content_security_policy",
    "django.middleware.locale.LocaleMiddleware",
    "api.middleware.bounded_and_private",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
AUTH_USER_MODEL = "accounts.User"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
APPEND_SLASH = False
CSRF_FAILURE_VIEW = "api.problems.forbidden"
CSRF_COOKIE_HTTPONLY = True
CSRF_COOKIE_SAMESITE = "Strict"
CSRF_COOKIE_SECURE = PRIORCONSENT_BASE_URL.startswith("https://")
TEMPLATES = [{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True}]

# --- database ---------------------------------------------------------------------------------------
DATABASE = ENV["DATABASE_URL"]
DATABASE_IS_SQLITE = DATABASE["ENGINE"].endswith("sqlite3")
if DATABASE_IS_SQLITE:
    DATABASE["OPTIONS"] = {
        # Django's default transactions lose most of many concurrent writers: "database is locked".
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON;",
    }
    # A file, because a database in memory has neither WAL nor a second connection.
    DATABASE["TEST"] = {"NAME": str(PRIORCONSENT_DATA / "test.sqlite3")}
    # Neither SQLite nor the log's writer makes the folder that it writes to.
    PRIORCONSENT_DATA.mkdir(parents=True, exist_ok=True)
else:
    DATABASE["CONN_MAX_AGE"] = 60
    DATABASE["CONN_HEALTH_CHECKS"] = True
DATABASES = {"default": DATABASE}

# --- tasks and cache --------------------------------------------------------------------------------
REDIS_URL = ENV["REDIS_URL"]
CELERY_TASK_ALWAYS_EAGER = REDIS_URL is None
# A task that fails in process must not fail the request that has already committed; a sweep finds it.
CELERY_TASK_EAGER_PROPAGATES = False
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
# Without one, nothing is ever sent; named all the same, or kombu warns that it has to guess.
CELERY_BROKER_URL = REDIS_URL or "memory://localhost/"
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_TIMEZONE = "UTC"
# Not into the folder that the clock happens to be started in.
CELERY_BEAT_SCHEDULE_FILENAME = str(PRIORCONSENT_DATA / "celerybeat-schedule")
CACHES: dict[str, dict[str, Any]] = {
    "default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}
    if REDIS_URL is None
    else {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": REDIS_URL}
}

# --- language and time ------------------------------------------------------------------------------
LANGUAGE_CODE = "en"
LANGUAGES = [("ja", "日本語"), ("en", "English"), ("fr", "Français"), ("nl", "Nederlands")]
USE_TZ = True
TIME_ZONE = "UTC"

# --- static files, limits, headers ------------------------------------------------------------------
STATIC_URL = "/static/"
# The few files are served from the apps themselves: no collecting step between a change and its view.
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = DEBUG

DATA_UPLOAD_MAX_MEMORY_SIZE = 4 * 2**20
DATA_UPLOAD_MAX_NUMBER_FIELDS = 100
DATA_UPLOAD_MAX_NUMBER_FILES = 0

ALLOWED_HOSTS = sorted({urlsplit(PRIORCONSENT_BASE_URL).hostname or "", *ENV["PRIORCONSENT_ALLOWED_HOSTS"]})
SECURE_REFERRER_POLICY = "no-referrer"
SECURE_HSTS_SECONDS = 31_536_000 if PRIORCONSENT_BASE_URL.startswith("https://") else 0
X_FRAME_OPTIONS = "DENY"

# --- HTTP for machines ------------------------------------------------------------------------------
REST_FRAMEWORK: dict[str, Any] = {
    "DEFAULT_AUTHENTICATION_CLASSES": [],
    # A view says who may ask and in which form; one that says nothing answers nobody.
    "DEFAULT_PERMISSION_CLASSES": ["config.permissions.Nobody"],
    "DEFAULT_PARSER_CLASSES": [],
    "DEFAULT_RENDERER_CLASSES": ["api.wire.CanonicalJson"],
    "DEFAULT_CONTENT_NEGOTIATION_CLASS": "api.wire.OneForm",
    "DEFAULT_METADATA_CLASS": None,
    "EXCEPTION_HANDLER": "api.problems.handle",
    "UNAUTHENTICATED_USER": None,
    # ``format`` is no parameter of ours.
    "URL_FORMAT_OVERRIDE": None,
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
}
SPECTACULAR_SETTINGS: dict[str, Any] = {
    "TITLE": "Prior Consent",
    "VERSION": "1",
    "OAS_VERSION": "3.1.1",
    "SERVE_INCLUDE_SCHEMA": False,
    "POSTPROCESSING_HOOKS": ["api.openapi.add_components"],
}

LOGGING = logging_settings(ENV["PRIORCONSENT_LOG_LEVEL"])
