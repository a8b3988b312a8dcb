"""Settings from the environment: strict, with a `_FILE` variant for each, failing at boot with a sentence.

`STRONGROOM_X_FILE` names a file that holds the value of `STRONGROOM_X` (the way container platforms hand over secrets).
"""

import os
import secrets
from pathlib import Path

import environ
from django.core.exceptions import ImproperlyConfigured

PREFIX = "STRONGROOM_"


class Environment:
    """Typed look-ups of `STRONGROOM_*`; `data` is the folder where the embedded default keeps what it generates."""

    def __init__(self, data: Path) -> None:
        self.data = data
        self._env = environ.FileAwareEnv()

    def text(self, name: str, default: str | None = None) -> str:
        return str(self._read(name, str, default))

    def boolean(self, name: str, *, default: bool) -> bool:
        return bool(self._read(name, bool, default))

    def words(self, name: str, default: list[str]) -> list[str]:
        value = self._read(name, list, default)
        assert isinstance(value, list)
        return [str(word) for word in value]

    def whole(self, name: str, default: int, *, low: int, high: int) -> int:
        """A whole number in low … high (both included)."""
        value = self._read(name, int, default)
        assert isinstance(value, int)
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

    def _read(self, name: str, cast: type, default: object) -> object:
        variable = PREFIX + name
        if default is None and variable not in os.environ and variable + "_FILE" not in os.environ:
            raise ImproperlyConfigured(f"{variable} must be set (or {variable}_FILE, naming a file that holds it).")
        try:
            return self._env(variable, cast=cast, default=default)
        except (ValueError, TypeError) as error:
            raise ImproperlyConfigured(f"{variable} cannot be read as {cast.__name__}: {error}") from None


def _kept_secret(path: Path) -> str:
    if not path.exists():
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            return path.read_text()
        with os.fdopen(descriptor, "w") as file:
            file.write(secrets.token_urlsafe(48))
    return path.read_text()
