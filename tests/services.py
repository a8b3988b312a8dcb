"""The real servers that tests talk to."""

import os
import socket

import pytest


def need_server(name: str, port: int) -> None:
    """Go on only if something listens on loopback. CI has every server: there, nothing may be missing."""
    try:
        socket.create_connection(("127.0.0.1", port), timeout=2).close()
    except OSError:
        if os.environ.get("CI"):
            pytest.fail(f"no server: {name} does not listen on port {port}")
        pytest.skip(f"no server: {name} does not listen on port {port}")
