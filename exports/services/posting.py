"""Posting to a URL that somebody typed: where a webhook may lead, and one request to it.

Invariant: no connection is opened but to an address that was checked, and the check is of the very address that is then
connected to. The name is resolved once, so one that changes its meaning in between (DNS rebinding) gains nothing, nor does
a number written in an unusual way. Redirects are answers like any other: they are not followed. Neither a proxy nor anything
else of the environment has a say.
"""

import re
import socket
import ssl
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from ipaddress import IPv4Address, IPv6Address
from urllib.parse import urlsplit

import certifi
from django.conf import settings

from exports.sources.network import faces, is_public, resolve

CONNECT_SECONDS, WHOLE_SECONDS = 5, 20
ADDRESSES_TRIED = 4
EXCERPT_BYTES = 1024
"""How much of an answer is read."""
_HIGHEST_URL = 2000
_HOST = re.compile(r"[a-z0-9_]([a-z0-9_.-]{0,251}[a-z0-9_.])?|[0-9a-f:.]{2,45}")

Address = IPv4Address | IPv6Address


class Refused(Exception):
    """The URL may not be posted to, as it is now. The sentence is for whoever set it up."""


class Unreachable(Exception):
    """Nobody answered. The sentence says why."""


@dataclass(frozen=True)
class Target:
    scheme: str
    host: str
    port: int
    path: str


@dataclass(frozen=True)
class Answer:
    """`text` is the beginning of the body, fit to be shown and stored."""

    code: int
    text: str


def read_url(url: str) -> Target:
    """Raises Refused, with a sentence that says what a good one looks like."""
    wrong = "is not an address that can be posted to. It looks like https://receiver.example/path."
    if len(url) > _HIGHEST_URL or not re.fullmatch(r"[!-\[\]-~]+", url):
        raise Refused(
            f"The URL {wrong} At most {_HIGHEST_URL} characters; no spaces or backslashes, and what is not ASCII percent-encoded."
        )
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise Refused(f"The URL {wrong}") from None
    if parts.scheme not in {"https", "http"} or not _HOST.fullmatch(host) or port == 0:
        raise Refused(f"The URL {wrong}")
    if "@" in parts.netloc or "#" in url:
        raise Refused("The URL must be without user name, password and fragment (#).")
    if parts.scheme == "http" and not settings.WEBHOOK_NETWORKS:
        raise Refused("The URL must begin with https://. Plain http is for the networks that STRONGROOM_WEBHOOK_NETWORKS allows.")
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Target(parts.scheme, host, port or (443 if parts.scheme == "https" else 80), path)


def post(url: str, body: bytes, headers: Mapping[str, str]) -> Answer:
    """One POST, over in WHOLE_SECONDS. Raises Refused, Unreachable."""
    target = read_url(url)
    connection = _Connection(target, _allowed_addresses(target))
    with _failures(connection), connection.within(WHOLE_SECONDS):
        connection.request("POST", target.path, body=body, headers=dict(headers))
        response = connection.getresponse()
        return Answer(response.status, _shown(response.read(EXCERPT_BYTES)))


def _allowed_addresses(target: Target) -> list[Address]:
    try:
        found = resolve(target.host, target.port)
    except (OSError, UnicodeError):
        raise Unreachable(f"The host {target.host} was not found.") from None
    for address in found:
        _check(address, target)
    return found[:ADDRESSES_TRIED]


def _check(address: Address, target: Target) -> None:
    if any(face in network for face in faces(address) for network in settings.WEBHOOK_NETWORKS):
        return
    if not is_public(address):
        raise Refused(
            f"{target.host} is not in the public internet. Whoever runs this server can allow its network with STRONGROOM_WEBHOOK_NETWORKS."
        )
    if target.scheme != "https":
        raise Refused(f"{target.host} is in the public internet, where only https:// is allowed.")


class _Connection(HTTPConnection):
    """To the first of `addresses` that answers; the host's name stands in the request and must be in the certificate."""

    def __init__(self, target: Target, addresses: list[Address]) -> None:
        super().__init__(target.host, target.port, timeout=CONNECT_SECONDS)
        self._target, self._addresses = target, addresses
        self.is_late = False
        self._ends: threading.Timer | None = None

    @contextmanager
    def within(self, seconds: float) -> Iterator[None]:
        """However slowly the other side sends, byte by byte: the socket dies after so many seconds."""
        self._ends = threading.Timer(seconds, self._end)
        self._ends.daemon = True
        self._ends.start()
        try:
            yield
        finally:
            self._ends.cancel()
            self.close()

    def _end(self) -> None:
        self.is_late = True
        if self.sock:
            with suppress(OSError):
                socket.socket.shutdown(self.sock, socket.SHUT_RDWR)  # not the TLS socket's own, which another thread is reading

    def connect(self) -> None:
        for number, address in enumerate(self._addresses, 1):
            try:
                self.sock = socket.create_connection((str(address), self._target.port), CONNECT_SECONDS)
                break
            except OSError:
                if number == len(self._addresses) or self.is_late:
                    raise
        if self.is_late:
            raise TimeoutError
        self.sock.settimeout(WHOLE_SECONDS)
        if self._target.scheme == "https":
            self.sock = _trusted().wrap_socket(self.sock, server_hostname=self._target.host, do_handshake_on_connect=False)
            self.sock.do_handshake()


def _trusted() -> ssl.SSLContext:
    """The authorities that the machine trusts (SSL_CERT_FILE counts), and those that browsers do."""
    context = ssl.create_default_context()
    context.load_verify_locations(certifi.where())
    return context


@contextmanager
def _failures(connection: _Connection) -> Iterator[None]:
    try:
        yield
    except ssl.SSLCertVerificationError as error:
        raise Unreachable(f"The receiver's certificate is not trusted: {error.verify_message}.") from None
    except (OSError, HTTPException) as error:
        if connection.is_late or isinstance(error, TimeoutError):
            raise Unreachable(f"There was no answer within {WHOLE_SECONDS} seconds.") from None
        reason = (isinstance(error, OSError) and error.strerror) or type(error).__name__
        raise Unreachable(f"The receiver could not be reached: {reason}.") from None


def _shown(data: bytes) -> str:
    return "".join(sign if sign.isprintable() or sign == "\n" else " " for sign in data.decode("utf-8", "replace"))
