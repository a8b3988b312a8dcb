"""A real S3 endpoint (moto's server), and one in front of it that breaks every request once."""

import http.client
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import urlsplit

import boto3
import pytest
from django.conf import LazySettings
from moto.server import ThreadedMotoServer

from tests.web_servers import serving

REGION = "eu-west-1"
SECRETS = {"access_key": "key", "secret_key": "secret"}
_ERROR = b'<?xml version="1.0" encoding="UTF-8"?><Error><Code>InternalError</Code><Message>Please try again.</Message></Error>'


@pytest.fixture(scope="session")
def s3_endpoint() -> Iterator[str]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


def new_bucket(address: str, name: str) -> Any:
    s3 = boto3.resource(
        "s3", region_name=REGION, endpoint_url=address, aws_access_key_id=SECRETS["access_key"], aws_secret_access_key=SECRETS["secret_key"]
    )
    return s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION})


def store_in(settings: LazySettings, address: str, name: str) -> None:
    """From here on files go to that bucket."""
    options = {
        "bucket_name": name,
        "region_name": REGION,
        "endpoint_url": address,
        **SECRETS,
        "file_overwrite": False,
        "signature_version": "s3v4",
    }
    settings.STORAGES = {**settings.STORAGES, "default": {"BACKEND": "exports.sealing.s3.StreamingS3Storage", "OPTIONS": options}}


_ATTEMPT = re.compile(r"(/\d+/\d+/)\d+(?=/)|(?<=manifest-)\d+")
"""What makes each attempt's keys new: for the one that breaks, what the next attempt asks is the same request again."""


# --- One that breaks -----------------------------------------------------------------------------------------------
class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    target: str
    fault: "Fault"
    broken: set[tuple[str, str]]

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 its parent's name
        """Nothing on the tests' output."""

    def _pass_on(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        request = (self.command, _ATTEMPT.sub(r"\1*", self.path))
        if request in self.broken:
            self.pass_through(body)
        else:
            self.broken.add(request)
            self.fault(self, body)

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = _pass_on  # noqa: N815 as http.server looks for them

    def _ask(self, body: bytes) -> tuple[int, dict[str, str], bytes]:
        connection = http.client.HTTPConnection(self.target, timeout=60)
        try:
            connection.request(self.command, self.path, body, dict(self.headers))
            answer = connection.getresponse()
            return answer.status, dict(answer.getheaders()), answer.read()
        finally:
            connection.close()

    def _answer(self, status: int, headers: dict[str, str], body: bytes, sent: int | None = None) -> None:
        """sent: how many bytes of the body, if not all. To a HEAD none is; it is told the length of what a GET would give."""
        self.send_response_only(status)
        for name, value in headers.items():
            if name.lower() not in {"content-length", "connection", "transfer-encoding"}:
                self.send_header(name, value)
        head = self.command == "HEAD"
        self.send_header("Content-Length", headers.get("Content-Length", "0") if head else str(len(body)))
        self.end_headers()
        self.wfile.write(b"" if head else body[:sent])

    def pass_through(self, body: bytes) -> None:
        self._answer(*self._ask(body))

    # --- Faults -----------------------------------------------------------------------------------------------------
    def deny(self, body: bytes) -> None:
        """403, and nothing is done."""
        self._answer(403, {"Content-Type": "application/xml"}, _ERROR.replace(b"InternalError", b"AccessDenied"))

    def busy(self, body: bytes) -> None:
        """503, and nothing is done."""
        self._answer(503, {"Content-Type": "application/xml"}, _ERROR.replace(b"InternalError", b"SlowDown"))

    def hang_up(self, body: bytes) -> None:
        """It is done, and nobody is told."""
        self._ask(body)
        self.close_connection = True

    def error_in_body(self, body: bytes) -> None:
        """200, nothing is done, and the body says so. (A HEAD has none to say it in.)"""
        if self.command == "HEAD":
            self.pass_through(body)
        else:
            self._answer(200, {"Content-Type": "application/xml"}, _ERROR)

    def other_bytes(self, body: bytes) -> None:
        """What is given back is not what was stored."""
        status, headers, found = self._ask(body)
        if self.command == "GET" and len(found) > 200:
            found = found[:100] + bytes([found[100] ^ 1]) + found[101:]
        self._answer(status, headers, found)

    def cut(self, body: bytes) -> None:
        """Half of the answer, and the connection ends."""
        status, headers, found = self._ask(body)
        self._answer(status, headers, found, len(found) // 2)
        self.close_connection = True


Fault = Callable[[_Handler, bytes], None]
FAULTS: tuple[Fault, ...] = (_Handler.busy, _Handler.hang_up, _Handler.error_in_body, _Handler.other_bytes, _Handler.cut)


@contextmanager
def breaking(address: str, fault: Fault) -> Iterator[tuple[str, set[tuple[str, str]]]]:
    """(an address in front of `address` where every request meets the fault when it is made for the first time, those requests)."""
    broken: set[tuple[str, str]] = set()
    handler = type("Handler", (_Handler,), {"target": urlsplit(address).netloc, "fault": staticmethod(fault), "broken": broken})
    with serving(handler) as port:
        yield f"http://127.0.0.1:{port}", broken
