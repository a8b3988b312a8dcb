"""A real S3 endpoint (moto's server), and one in front of it that breaks every request once."""

import http.client
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

import boto3
import pytest
from django.conf import LazySettings
from moto.server import ThreadedMotoServer

_REGION = "eu-west-1"
_ERROR = b'<?xml version="1.0" encoding="UTF-8"?><Error><Code>InternalError</Code><Message>Please try again.</Message></Error>'


@pytest.fixture(scope="session")
def s3_endpoint() -> Iterator[str]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


def new_bucket(address: str, name: str) -> Any:
    secrets = {"aws_access_key_id": "key", "aws_secret_access_key": "secret"}
    s3 = boto3.resource("s3", region_name=_REGION, endpoint_url=address, **secrets)
    return s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": _REGION})


def store_in(settings: LazySettings, address: str, name: str) -> None:
    """From here on files go to that bucket."""
    options = {
        "bucket_name": name,
        "region_name": _REGION,
        "endpoint_url": address,
        "access_key": "key",
        "secret_key": "secret",
        "file_overwrite": False,
        "signature_version": "s3v4",
    }
    settings.STORAGES = {**settings.STORAGES, "default": {"BACKEND": "exports.sealing.s3.StreamingS3Storage", "OPTIONS": options}}


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
        request = (self.command, self.path)
        if request in self.broken:
            self._answer(*self._ask(body))
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

    # --- Faults -----------------------------------------------------------------------------------------------------
    def busy(self, body: bytes) -> None:
        """503, and nothing is done."""
        self._answer(503, {"Content-Type": "application/xml"}, _ERROR.replace(b"InternalError", b"SlowDown"))

    def hang_up(self, body: bytes) -> None:
        """It is done, and nobody is told."""
        self._ask(body)
        self.close_connection = True

    def error_in_body(self, body: bytes) -> None:
        """200, nothing is done, and the body says so."""
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
    handler = type("Handler", (_Handler,), {"target": urlsplit(address).netloc, "fault": fault, "broken": broken})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", broken
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
