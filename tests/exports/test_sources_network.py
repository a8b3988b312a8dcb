"""Where sources may lie: what is refused at connect time, and that the driver goes where was checked."""

import os
import socket
import subprocess
import sys
from ipaddress import ip_network
from pathlib import Path

import pytest
from pytest_django import Settings

from exports.sources import inspecting, open_reader
from exports.sources.base import SourceError
from exports.sources.network import checked_addresses
from exports.sources.urls import parse
from tests.exports.sources_fixtures import MARIADB, POSTGRES, listening

REFUSED = "is in a network that sources may not use"
LOOPBACK = [ip_network("127.0.0.0/8"), ip_network("::1")]


def addresses(host: str) -> list[str]:
    return checked_addresses(parse(f"postgresql://u:p@{host}/d"))


@pytest.mark.parametrize(
    "host",
    [
        "169.254.169.254",
        "169.254.0.1",
        "2852039166",  # 169.254.169.254 in one number
        "0xa9fea9fe",
        "0251.0376.0251.0376",
        "169.254.43518",
        "[fe80::1]",
        "[::ffff:169.254.169.254]",
        "[::ffff:a9fe:a9fe]",
        "[2002:a9fe:a9fe::1]",  # 6to4
        "[64:ff9b::a9fe:a9fe]",  # NAT64
        "[fd00:ec2::254]",
        "100.100.100.200",
        "168.63.129.16",
        "0.0.0.0",
        "0",
        "[::]",
        "224.0.0.1",
        "255.255.255.255",
    ],
)
def test_addresses_of_nobodys_database_are_refused(host: str) -> None:
    with pytest.raises(SourceError, match=REFUSED):
        addresses(host)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9", "2130706433", "0x7f.1", "localhost", "[::1]", "[::ffff:127.0.0.1]"])
def test_this_machine_is_refused_where_the_setting_does_not_allow_it(settings: Settings, host: str) -> None:
    settings.SOURCE_NETWORKS = []
    with pytest.raises(SourceError, match=REFUSED):
        addresses(host)


@pytest.mark.parametrize("host", ["10.1.2.3", "172.16.0.1", "192.168.1.1", "[fd12::1]", "8.8.8.8", "[2606:4700::1]"])
def test_private_and_public_networks_are_where_databases_are(settings: Settings, host: str) -> None:
    settings.SOURCE_NETWORKS = []
    assert addresses(host) == [host.strip("[]")]


def test_the_setting_allows_a_network(settings: Settings) -> None:
    settings.SOURCE_NETWORKS = [ip_network("169.254.10.0/24")]
    assert addresses("169.254.10.1") == ["169.254.10.1"]
    with pytest.raises(SourceError, match=REFUSED):
        addresses("169.254.11.1")


def test_one_bad_address_of_a_name_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = [(2, 1, 6, "", ("10.0.0.1", 5432)), (2, 1, 6, "", ("169.254.169.254", 5432))]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: answers)
    with pytest.raises(SourceError, match=REFUSED):
        addresses("db.example")


@pytest.mark.parametrize("url", ["postgresql://u@/d?host=/tmp", "postgresql://u@/d", "mysql://u@/d", "postgresql://u@10.0.0.1/d?host=/tmp"])
def test_sockets_and_missing_hosts_do_not_lead_to_this_machine(settings: Settings, url: str) -> None:
    settings.SOURCE_NETWORKS = []
    with pytest.raises(SourceError):
        checked_addresses(parse(url))


@pytest.mark.parametrize("url", ["postgresql://postgres@{}/test", "mysql://root@{}/test"])
def test_no_reader_connects_to_what_is_refused(settings: Settings, url: str) -> None:
    listening(POSTGRES)
    listening(MARIADB)
    settings.SOURCE_NETWORKS = []
    for attempt in (open_reader(url.format("127.0.0.1")), inspecting(url.format("127.0.0.1"))):
        with pytest.raises(SourceError, match=REFUSED), attempt:
            pass


@pytest.mark.parametrize("url", ["postgresql://postgres@{}/test", "mysql://root@{}/test"])
def test_a_name_that_changes_its_meaning_gains_nothing(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    """The first look-up says 127.0.0.1; whoever asked again would be led elsewhere, and find nobody there."""
    listening(POSTGRES)
    listening(MARIADB)
    real, asked = socket.getaddrinfo, []

    def rebinding(host: str, *args: object, **options: object) -> object:
        if host != "rebinding.example":
            return real(host, *args, **options)  # type: ignore[arg-type]  # passed on as it is
        asked.append(host)
        return real("127.0.0.1" if len(asked) == 1 else "203.0.113.1", *args, **options)  # type: ignore[arg-type]  # passed on as it is

    monkeypatch.setattr(socket, "getaddrinfo", rebinding)
    with open_reader(url.format("rebinding.example")):
        assert asked == ["rebinding.example"]


@pytest.mark.parametrize("url", ["postgresql://postgres@localhost/test", "mysql://root@localhost/test"])
def test_each_address_of_a_name_is_tried(url: str) -> None:
    listening(POSTGRES)
    listening(MARIADB)
    assert len(socket.getaddrinfo("localhost", None, type=socket.SOCK_STREAM)) >= 1
    with open_reader(url), inspecting(url) as inspector:
        assert inspector.get_schema_names()


CONNECT = """
import django; django.setup()
from exports.sources import open_reader, inspecting
for attempt in (open_reader(URL), inspecting(URL)):
    with attempt as opened: print(type(opened).__name__)
with open_reader(URL) as reader:
    print(reader._execute("SELECT current_user || current_setting('application_name')")[0][0])
"""


def test_postgresqls_own_variables_do_not_reach_sources(tmp_path: Path) -> None:
    """libpq would connect elsewhere, as somebody else, or with the server's own password."""
    listening(POSTGRES)
    (tmp_path / "service").write_text("[theirs]\nuser=nobody\nsslmode=verify-full\n")
    theirs = {
        "PGUSER": "nobody",
        "PGPASSWORD": "theirs",
        "PGSERVICE": "theirs",
        "PGSERVICEFILE": str(tmp_path / "service"),
        "PGOPTIONS": "-c search_path=nowhere",
        "PGSSLMODE": "verify-full",
        "PGHOSTADDR": "203.0.113.1",
        "PGAPPNAME": "theirs",
    }
    environment = {**os.environ, **theirs, "DATA": str(tmp_path), "DJANGO_SETTINGS_MODULE": "config.settings"}
    code = CONNECT.replace("URL", repr("postgresql://postgres@127.0.0.1/test"))
    root = Path(__file__).resolve().parents[2]
    done = subprocess.run([sys.executable, "-c", code], cwd=root, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout.split() == ["PostgresReader", "PGInspector", "postgresstrongroom"], done.stderr
