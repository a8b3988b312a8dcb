"""Settings from the environment: strict, with a `_FILE` variant for each, failing at boot with a sentence.

`STRONGROOM_X_FILE` names a file that holds the value of `STRONGROOM_X` (the way container platforms hand over secrets).
"""

import os
import secrets
import tempfile
from contextlib import suppress
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Any

import environ
from django.core.exceptions import ImproperlyConfigured

PREFIX = "STRONGROOM_"


_MAIL_PORTS = {"smtp": 25, "smtp+tls": 587, "smtp+ssl": 465, "filemail": 0}
_TRUE, _FALSE = ("true", "yes", "on", "1"), ("false", "no", "off", "0")


class Environment:
    """Typed look-ups of `STRONGROOM_*`; `data` is the folder where the embedded default keeps what it generates."""

    def __init__(self, data: Path) -> None:
        self.data = data

    def text(self, name: str, default: str | None = None) -> str:
        value = _given(name) or default
        if value is None:
            raise ImproperlyConfigured(f"{PREFIX}{name} must be set (or {PREFIX}{name}_FILE, naming a file that holds it).")
        return value

    def boolean(self, name: str, *, default: bool) -> bool:
        value = self.text(name, str(default)).lower()
        if value not in _TRUE + _FALSE:
            raise ImproperlyConfigured(f"{PREFIX}{name} cannot be read as true or false; it must be one of {', '.join(_TRUE + _FALSE)}.")
        return value in _TRUE

    def words(self, name: str, default: list[str]) -> list[str]:
        """Words between commas."""
        return [word.strip() for word in self.text(name, ",".join(default)).split(",") if word.strip()]

    def networks(self, name: str, default: list[str]) -> list[IPv4Network | IPv6Network]:
        """Networks between commas, such as 10.0.0.0/8 or ::1; an address alone is a network of one."""
        try:
            return [ip_network(word) for word in self.words(name, default)]
        except ValueError as error:
            raise ImproperlyConfigured(f"{PREFIX}{name} must hold networks such as 10.0.0.0/8, separated by commas: {error}.") from None

    def whole(self, name: str, default: int, *, low: int, high: int) -> int:
        """A whole number in low … high (both included)."""
        text = self.text(name, str(default))
        try:
            value = int(text)
        except ValueError:
            raise ImproperlyConfigured(f"{PREFIX}{name} cannot be read as a whole number: {text!r}.") from None
        if not low <= value <= high:
            raise ImproperlyConfigured(f"{PREFIX}{name} is {value}; it must be a whole number from {low} to {high}.")
        return value

    def choice(self, name: str, default: str, options: tuple[str, ...]) -> str:
        value = self.text(name, default)
        if value not in options:
            raise ImproperlyConfigured(f"{PREFIX}{name} is {value!r}; it must be one of {', '.join(options)}.")
        return value

    def secret(self, name: str, *, generate: bool) -> str:
        """A secret of at least 32 characters. The embedded default makes one and keeps it, readable by its owner only."""
        value = self.text(name, "")
        if not value and generate:
            value = _kept_secret(self.data / "keys" / name.lower())
        if len(value) < 32:
            raise ImproperlyConfigured(
                f"{PREFIX}{name} must be set to a random secret of at least 32 characters, or {PREFIX}{name}_FILE to a file that holds one."
            )
        return value

    def cache(self, name: str, prefix: str) -> dict[str, Any]:
        """What one of Django's CACHES wants: Redis by its URL; without one, this process's own memory."""
        url = self.text(name, "locmem://")
        if url == "locmem://":
            return {"BACKEND": "django.core.cache.backends.locmem.LocMemCache", "OPTIONS": {"MAX_ENTRIES": 50_000}}
        if not url.startswith(("redis://", "rediss://", "unix://")):
            raise ImproperlyConfigured(f"{PREFIX}{name} cannot be read; it looks like redis://host:6379/0, or locmem:// for one process.")
        return {
            "BACKEND": "django.core.cache.backends.redis.RedisCache",
            "LOCATION": url,
            "KEY_PREFIX": prefix,
            "OPTIONS": {"socket_connect_timeout": 1, "socket_timeout": 1},  # seconds: a cache that is gone must not stop requests
        }

    def database(self, name: str, default: str) -> dict[str, Any]:
        """What Django's DATABASES wants, from a URL such as postgres://user:password@host/name."""
        config: dict[str, Any] = environ.Env.db_url_config(self.text(name, default))
        if not config.get("ENGINE") or not config.get("NAME"):
            raise ImproperlyConfigured(
                f"{PREFIX}{name} cannot be read; it looks like postgres://user:password@host/name or sqlite:////folder/file."
            )
        return config

    def mail(self, name: str) -> dict[str, Any] | None:
        """Django's EMAIL_* settings, from a URL such as smtp+tls://user:password@host:587; None if there is no URL."""
        url = self.text(name, "")
        scheme = url.partition("://")[0]
        if not url:
            return None
        try:
            config: dict[str, Any] = environ.Env.email_url_config(url)
        except (ImproperlyConfigured, ValueError):
            config = {}
        if scheme not in _MAIL_PORTS or not config.get("EMAIL_HOST" if scheme != "filemail" else "EMAIL_FILE_PATH"):
            raise ImproperlyConfigured(  # without the URL, which may hold a password
                f"{PREFIX}{name} cannot be read; it looks like smtp://host:25, smtp+tls://user:password@host:587 (STARTTLS), "
                "smtp+ssl://user:password@host:465 or filemail:////folder."
            )
        return {**config, "EMAIL_PORT": config.get("EMAIL_PORT") or _MAIL_PORTS[scheme]}


def forget_libpq_variables() -> None:
    """PGPASSWORD, PGSERVICE, PGHOSTADDR and the like: libpq would use them for whatever a source's URL leaves open.

    Strongroom's own database is what STRONGROOM_DATABASE_URL says, and nothing else.
    """
    for name in [name for name in os.environ if name.startswith("PG")]:
        del os.environ[name]


def _given(name: str) -> str | None:
    """The variable's text, from the file that its `_FILE` variant names if that is set. Empty counts as not given."""
    file = os.environ.get(f"{PREFIX}{name}_FILE")
    if not file:
        return os.environ.get(PREFIX + name)
    try:
        return Path(file).read_text().removesuffix("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise ImproperlyConfigured(f"{PREFIX}{name}_FILE names {file}, which cannot be read: {error}.") from None


def _kept_secret(path: Path) -> str:
    """The secret in the file, made if there is none. Of several processes that start at once, one makes it, whole."""
    if not path.exists():
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile("w", dir=path.parent) as file:  # readable by its owner only
            file.write(secrets.token_urlsafe(48))
            file.flush()
            with suppress(FileExistsError):
                os.link(file.name, path)
    return path.read_text()
