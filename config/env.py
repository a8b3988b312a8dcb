"""Settings from the environment: strict, with a `_FILE` variant for each, failing at boot with a sentence.

`STRONGROOM_X_FILE` names a file that holds the value of `STRONGROOM_X` (the way container platforms hand over secrets).
"""

import os
import secrets
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any

import environ
from django.core.exceptions import ImproperlyConfigured

PREFIX = "STRONGROOM_"


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

    def database(self, name: str, default: str) -> dict[str, Any]:
        """What Django's DATABASES wants, from a URL such as postgres://user:password@host/name."""
        config: dict[str, Any] = environ.Env.db_url_config(self.text(name, default))
        if not config.get("ENGINE") or not config.get("NAME"):
            raise ImproperlyConfigured(
                f"{PREFIX}{name} cannot be read; it looks like postgres://user:password@host/name or sqlite:////folder/file."
            )
        return config


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
