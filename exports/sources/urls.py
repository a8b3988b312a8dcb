"""Which source URLs are accepted: checked before anything connects."""

import re
from pathlib import Path

from django.conf import settings
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from exports.sources.base import SourceError

# The driver for each backend. Any other driver is refused: what a driver's options can do was read for these only.
DRIVERS = {
    "postgresql": "psycopg",
    "mysql": "pymysql",
    "mariadb": "pymysql",
    "sqlite": "pysqlite",
    "mssql": "pymssql",
    "oracle": "oracledb",
}
_MYSQL = {"charset": r"utf8(mb[34])?|latin1|ascii|cp125[0-7]", "connect_timeout": r"\d{1,3}", "read_timeout": r"\d{1,5}"}
# Options by backend, each with the values that are accepted. None of them reads a file of this machine or loads code.
OPTIONS: dict[str, dict[str, str]] = {
    "postgresql": {
        "application_name": r"[\w .:-]{0,63}",
        "channel_binding": "disable|prefer|require",
        "connect_timeout": r"\d{1,3}",
        "gssencmode": "disable|prefer|require",
        "host": r"/[\w./-]+",  # the folder of a Unix socket
        "keepalives": "[01]",
        "keepalives_count": r"\d{1,3}",
        "keepalives_idle": r"\d{1,5}",
        "keepalives_interval": r"\d{1,5}",
        "sslmode": "disable|allow|prefer|require|verify-ca|verify-full",
        "sslrootcert": "system",
        "target_session_attrs": "any|read-write|read-only|primary|standby|prefer-standby",
    },
    "mysql": _MYSQL,
    "mariadb": _MYSQL,
    "sqlite": {},
    "mssql": {"charset": r"[\w-]{1,20}", "login_timeout": r"\d{1,3}", "timeout": r"\d{1,5}"},
    "oracle": {"service_name": r"[\w.$-]{1,128}"},
}


def parse(url: str, folder: Path | None = None) -> URL:
    """The URL with its driver filled in. `folder` is where SQLite files may lie (settings.SQLITE_FOLDER without it).

    Raises SourceError; its sentence never contains the password or the options' values.
    """
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        raise SourceError("The URL cannot be read. It looks like postgresql://user:password@host/database.") from None
    backend, _, driver = parsed.drivername.partition("+")
    backend = "postgresql" if backend == "postgres" else backend
    if backend not in DRIVERS:
        raise SourceError(f"There is no reader for {_word(backend)} databases. Known are {', '.join(sorted(DRIVERS))}.")
    if driver and driver != DRIVERS[backend]:
        raise SourceError(f"For {backend} use the driver {DRIVERS[backend]} instead of {_word(driver)}.")
    parsed = parsed.set(drivername=f"{backend}+{DRIVERS[backend]}")
    _check_options(backend, parsed)
    if backend == "sqlite":
        return parsed.set(database=str(_below(parsed, folder or settings.SQLITE_FOLDER)))
    if not parsed.database and "service_name" not in parsed.query:
        raise SourceError("The URL names no database.")
    return parsed


def _word(text: str) -> str:
    """As much of what somebody typed as may be repeated: a mistyped URL could hold a password anywhere."""
    return text if re.fullmatch(r"[a-z][a-z0-9_]{0,20}", text) else "these"


def _check_options(backend: str, url: URL) -> None:
    allowed = OPTIONS[backend]
    for name, value in url.query.items():
        if name not in allowed:
            shown = name if re.fullmatch(r"[a-z_]{1,30}", name) else "of that name"
            raise SourceError(f"The URL option {shown} is not accepted for {backend}. Accepted are {', '.join(sorted(allowed)) or 'none'}.")
        if not isinstance(value, str) or not re.fullmatch(allowed[name], value):
            raise SourceError(f"The URL option {name} has a value that is not accepted.")
    if backend != "sqlite" and re.search(r"[/\\,\s\0]", url.host or ""):
        raise SourceError("The URL's host name cannot be read.")
    if "\0" in f"{url.username}{url.password}{url.database}":
        raise SourceError("The URL contains a NUL character.")


def _below(url: URL, folder: Path) -> Path:
    """The SQLite file, after every symbolic link, if it lies below the folder."""
    name = url.database or ""
    if url.host or url.username or not name or name.startswith((":", "file:")) or "\0" in name:
        raise SourceError("A SQLite URL looks like sqlite:///name.sqlite3 and names a file in the folder for SQLite sources.")
    root = folder.resolve()
    path = (root / name).resolve()
    if not path.is_relative_to(root) or path == root:
        raise SourceError("The SQLite file is not in the folder for SQLite sources.")
    if not path.is_file():
        raise SourceError(f"There is no file {path.name} in the folder for SQLite sources.")
    return path
