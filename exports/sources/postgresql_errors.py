"""One sentence for each way in which PostgreSQL refuses, with nothing secret in it."""

import re

from sqlalchemy.engine import URL

from exports.sources.base import ConnectionLost, SourceError

# SQLSTATEs that another try may not meet again: connection, shutdown, no room for a connection, conflict with recovery.
_LOST = re.compile(r"08|57P0|53[23]|40001|40P01|25P03|57P05")
_GONE = re.compile(
    r"server closed the connection|connection (is|was) (lost|closed)|terminating connection|connection not open|connection pointer is NULL|"
    r"Connection reset|EOF detected|no connection to the server|could not receive data|could not send data|Broken pipe|connection is bad|"
    r"SSL SYSCALL error|shutting down|starting up|too many clients|remaining connection slots"
)


def translate(error: BaseException, url: URL) -> SourceError:
    """The driver's error as ConnectionLost or SourceError."""
    text = str(error)
    state = getattr(error, "sqlstate", None) or ""
    where = f"{url.host or 'the local server'}{f':{url.port}' if url.port else ''}"
    if sentence := _unreachable(text, where):
        return ConnectionLost(sentence)
    if sentence := _refused(state, text, url):
        return SourceError(sentence)
    if _LOST.match(state) or _GONE.search(text):
        return ConnectionLost(f"The database at {where} closed the connection.")
    return SourceError(f"The database says: {_primary(error, text)}.")


def _unreachable(text: str, where: str) -> str:
    if re.search(r"could not translate host name|Name or service not known|failed to resolve host|getaddrinfo", text):
        return f"The host {where} was not found."
    if "Connection refused" in text or "No such file or directory" in text:
        return f"Nothing listens at {where}: the connection was refused."
    if re.search(r"timeout expired|connection timeout|timed out", text):
        return f"The database at {where} did not answer in time."
    return ""


def _refused(state: str, text: str, url: URL) -> str:
    if "password authentication failed" in text or state == "28P01":
        return f"The database refused the password for user {url.username}."
    if "no password supplied" in text:
        return f"The database wants a password for user {url.username}."
    if state == "3D000" or re.search(r'database "[^"]*" does not exist', text):
        return f"There is no database {url.database}."
    if re.search(r'role "[^"]*" does not exist', text):
        return f"There is no database user {url.username}."
    if state == "28000" or "pg_hba.conf" in text:
        return f"The database does not let user {url.username} in from here."
    return ""


def _primary(error: BaseException, text: str) -> str:
    """The server's own first line: it names objects, not rows (those are in DETAIL) and not the statement."""
    diagnosis = getattr(getattr(error, "diag", None), "message_primary", None)
    if not diagnosis:
        found = re.search(r"(?:ERROR|FATAL|PANIC):\s+([^\n]*)", text)
        diagnosis = found.group(1) if found else type(error).__name__
    return str(diagnosis).rstrip(".")
