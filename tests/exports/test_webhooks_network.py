"""Where webhooks may not lead, whatever name or number says so: checked of the address that is connected to."""

import socket
from collections.abc import Iterator
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any

import pytest
from django.conf import LazySettings

from exports.services import posting
from exports.services.posting import Refused, Unreachable, post, read_url
from exports.sources.network import is_public
from tests.exports.receivers import Receiver, receiving, tls_certificate

INSIDE = [
    *("127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "100.100.100.200", "168.63.129.16"),
    *("0.0.0.0", "0.1.2.3", "255.255.255.255", "224.0.0.1", "198.18.0.1", "192.0.0.192", "240.0.0.1"),
    *("::1", "::", "fe80::1", "fc00::1", "fd00:ec2::254", "fec0::1", "ff02::1", "::ffff:127.0.0.1", "::ffff:169.254.169.254"),
    *("64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "2002:7f00:1::", "2002:a9fe:a9fe::1", "::7f00:1", "2001:db8::1"),
]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as found:
        yield found


@pytest.fixture
def allowed(settings: LazySettings) -> None:
    settings.WEBHOOK_NETWORKS = [ip_network("127.0.0.1/32")]


def resolving(monkeypatch: pytest.MonkeyPatch, *answers: list[str]) -> list[str]:
    """The resolver gives these addresses, one list after another; the names that it was asked for."""
    asked: list[str] = []
    waiting = list(answers)

    def getaddrinfo(host: str, port: int, *args: Any, **kwargs: Any) -> list[Any]:
        if host.replace(".", "").isdigit() or ":" in host:  # create_connection, of the address that was checked
            return real(host, port, *args, **kwargs)
        asked.append(host)
        found = waiting.pop(0) if len(waiting) > 1 else waiting[0]
        return [(socket.AF_INET6 if ":" in text else socket.AF_INET, socket.SOCK_STREAM, 6, "", (text, port)) for text in found]

    real = socket.getaddrinfo
    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    return asked


@pytest.mark.parametrize("text", INSIDE)
def test_inside_is_not_public(text: str) -> None:
    assert not is_public(ip_address(text))


@pytest.mark.parametrize("text", ["93.184.216.34", "2606:4700::1111", "2a00:1450:4001:82a::200e"])
def test_internet_is_public(text: str) -> None:
    assert is_public(ip_address(text))


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "[::1]", "169.254.169.254", "2130706433", "0x7f000001", "0177.0.0.1", "127.1", "[::ffff:127.0.0.1]", "localhost", "0"],
)
def test_no_spelling_of_an_inside_address_is_connected_to(host: str, receiver: Receiver) -> None:
    with pytest.raises(Refused, match="not in the public internet"):
        post(f"https://{host}:{receiver.port}/hook", b"{}", {})
    assert not receiver.got


def test_name_with_one_inside_address_among_public_ones_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    resolving(monkeypatch, ["93.184.216.34", "10.0.0.1"])
    with pytest.raises(Refused):
        post("https://mixed.example/", b"{}", {})


def test_name_that_changes_its_meaning_gains_nothing(monkeypatch: pytest.MonkeyPatch, allowed: None, receiver: Receiver) -> None:
    """Rebinding: it is resolved once, and what was checked is what is connected to."""
    asked = resolving(monkeypatch, ["127.0.0.1"], ["169.254.169.254"])
    answer = post(f"http://rebinding.example:{receiver.port}/hook", b"{}", {})
    assert (answer.code, asked) == (204, ["rebinding.example"])
    assert receiver.got[0][1]["host"] == f"rebinding.example:{receiver.port}"
    with pytest.raises(Refused):
        post(f"http://rebinding.example:{receiver.port}/hook", b"{}", {})


def test_redirect_to_inside_is_not_followed(allowed: None, receiver: Receiver) -> None:
    with receiving() as inside:
        receiver.answers = [(302, {"Location": inside.url}, b"")]
        assert post(receiver.url, b"{}", {}).code == 302
        assert not inside.got


def test_allowed_network_does_not_open_its_neighbours(allowed: None, receiver: Receiver) -> None:
    with pytest.raises(Refused):
        post(f"http://127.0.0.2:{receiver.port}/hook", b"{}", {})


def test_plain_http_to_the_internet_is_refused(monkeypatch: pytest.MonkeyPatch, allowed: None) -> None:
    resolving(monkeypatch, ["93.184.216.34"])
    with pytest.raises(Refused, match="only https"):
        post("http://receiver.example/", b"{}", {})


def test_environments_proxy_has_no_say(monkeypatch: pytest.MonkeyPatch, allowed: None, receiver: Receiver) -> None:
    with receiving() as proxy:
        for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.url)
        assert post(receiver.url, b"{}", {}).code == 204
        assert not proxy.got


@pytest.mark.parametrize(
    "url",
    [
        *("ftp://receiver.example/", "file:///etc/passwd", "https://", "https:///path", "receiver.example", "https://a b.example/"),
        *("https://user:secret@receiver.example/", "https://receiver.example@10.0.0.1/", "https://receiver.example/#here"),
        *(
            "https://receiver.example:0/",
            "https://receiver.example:99999/",
            "https://receiver.example\\@10.0.0.1/",
            "http://receiver.example/",
        ),
        *(
            "https://receiver.example/\r\nX-Evil: 1",
            "https://größe.example/",
            "https://[fe80::1%25eth0]/",
            "https://x.example/" + "a" * 2000,
        ),
    ],
)
def test_what_is_no_good_address_is_refused_before_anything_is_resolved(url: str) -> None:
    with pytest.raises(Refused):
        read_url(url)


# --- Time, size and trust ----------------------------------------------------------------------------------------------
def test_answer_that_drips_is_cut_off(monkeypatch: pytest.MonkeyPatch, allowed: None, receiver: Receiver) -> None:
    monkeypatch.setattr(posting, "WHOLE_SECONDS", 0.4)
    receiver.drips = True
    with pytest.raises(Unreachable, match="no answer within"):
        post(receiver.url, b"{}", {})


def test_no_more_of_an_answer_is_read_than_its_beginning(allowed: None, receiver: Receiver) -> None:
    receiver.answers = [(200, {}, b"a\0\x1b[31m" + "é".encode() * 10**6)]
    answer = post(receiver.url, b"{}", {})
    assert (answer.text[:8], len(answer.text) < 1024) == ("a  [31mé", True)


def test_receiver_is_known_by_its_certificate(monkeypatch: pytest.MonkeyPatch, allowed: None, tmp_path: Path) -> None:
    trusted, context = tls_certificate(tmp_path, "localhost")
    with receiving(context) as receiver:
        with pytest.raises(Unreachable, match="certificate is not trusted"):
            post(receiver.url, b"{}", {})
        monkeypatch.setenv("SSL_CERT_FILE", str(trusted))
        assert post(receiver.url, b"{}", {}).code == 204
        with pytest.raises(Unreachable, match="certificate is not trusted"):
            post(receiver.url.replace("localhost", "127.0.0.1"), b"{}", {})
    assert len(receiver.got) == 1
