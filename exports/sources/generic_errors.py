"""One sentence for each way in which a database behind SQLAlchemy refuses, with nothing secret in it."""

import re

from sqlalchemy import exc
from sqlalchemy.engine import URL

from exports.sources.base import ConnectionLost, SourceError

# https://mariadb.com/kb/en/mariadb-error-codes/; 0 is PyMySQL's "closed".
_LOST = {0, 1040, 1053, 1152, 1153, 1158, 1159, 1160, 1161, 1205, 1213, 1927, 2002, 2006, 2013, 2014, 2055}


def translate(error: BaseException, url: URL) -> SourceError:  # noqa: PLR0911 a table of errors
    """The driver's error as ConnectionLost or SourceError. The statement and its values are left out."""
    if isinstance(error, SourceError):
        return error
    if isinstance(error, ModuleNotFoundError):
        return SourceError(f"The driver for {url.get_backend_name()} is not installed.")
    if isinstance(error, UnicodeDecodeError):
        return SourceError("A column holds text that is not valid UTF-8.")
    original = error.orig if isinstance(error, exc.DBAPIError) else error
    code, text = _code(original), str(original)
    where = f"{url.host or 'the local server'}{f':{url.port}' if url.port else ''}"
    if code == 2003:
        return ConnectionLost(_unreachable(text, where))
    if sentence := _refused(code, url):
        return SourceError(sentence)
    if code in _LOST or isinstance(original, OSError) or getattr(error, "connection_invalidated", False):
        return ConnectionLost(f"The database at {where} closed the connection.")
    if isinstance(error, exc.DBAPIError):
        return SourceError(f"The database says: {_message(original)}.")
    return SourceError(f"The database cannot be read ({type(error).__name__}).")


def _code(error: BaseException | None) -> int:
    first = error.args[0] if error is not None and error.args else -1
    return first if isinstance(first, int) else -1


def _message(error: BaseException | None) -> str:
    text = str(error.args[1] if error is not None and len(error.args) > 1 else type(error).__name__)
    return re.sub(r"\s+", " ", text)[:300].rstrip(".")


def _unreachable(text: str, where: str) -> str:
    if re.search(r"getaddrinfo|Name or service|not known|nodename", text):
        return f"The host {where} was not found."
    if "timed out" in text:
        return f"The database at {where} did not answer in time."
    return f"Nothing listens at {where}: the connection was refused."


def _refused(code: int, url: URL) -> str:
    return {
        1044: f"User {url.username} may not use database {url.database}.",
        1045: f"The database refused the password for user {url.username}.",
        1049: f"There is no database {url.database}.",
        1130: f"The database does not let user {url.username} in from here.",
        1698: f"The database refused the password for user {url.username}.",
    }.get(code, "")
