"""Which URLs are accepted, and that nothing secret is said about them."""

from pathlib import Path

import pytest

from exports.sources import inspecting, open_reader
from exports.sources.base import SourceError
from exports.sources.urls import parse
from tests.exports.sources_fixtures import MARIADB, POSTGRES, listening

CANARY = "C4n4ry-passw0rd"


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://u:{}@127.0.0.1/d?sslkey=/etc/passwd",
        "postgresql://u:{}@127.0.0.1/d?service=x",
        "postgresql://u:{}@127.0.0.1/d?sslmode=nonsense",
        "postgresql://u:{}@127.0.0.1/d?host=a&host=b",
        "postgresql+psycopg2://u:{}@127.0.0.1/d",
        "mysql://u:{}@127.0.0.1/d?read_default_file=/etc/my.cnf",
        "mysql://u:{}@127.0.0.1/d?local_infile=1",
        "mysql://u:{}@127.0.0.1/",
        "{}://u@h/d",
        "sqlite:///a.sqlite3?enable_load_extension={}",
        "{}",
    ],
)
def test_url_is_refused_without_its_secret(url: str, tmp_path: Path) -> None:
    with pytest.raises(SourceError) as caught:
        parse(url.format(CANARY), tmp_path)
    assert CANARY not in str(caught.value)


@pytest.mark.parametrize("name", ["../x.db", "/etc/passwd", "link", "file:x.db", ":memory:", "", "."])
def test_sqlite_file_must_lie_in_the_folder(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "sources"
    folder.mkdir()
    (tmp_path / "x.db").touch()
    (folder / "link").symlink_to(tmp_path / "x.db")
    with pytest.raises(SourceError):
        parse(f"sqlite:///{name}", folder)


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("postgresql://nobody:{}@127.0.0.1/test", "There is no database user nobody."),
        ("postgresql://postgres:{}@127.0.0.1/nowhere", "There is no database nowhere."),
        ("postgresql://postgres:{}@127.0.0.1:1/test", "Nothing listens at 127.0.0.1:1: the connection was refused."),
        ("mysql://root:{}@127.0.0.1/test", "The database refused the password for user root."),
        ("mysql://root@127.0.0.1/nowhere", "There is no database nowhere."),
    ],
)
def test_connection_fails_with_a_sentence(url: str, sentence: str) -> None:
    listening(POSTGRES)
    listening(MARIADB)
    reader = open_reader(url.format(CANARY))
    assert CANARY not in repr(reader)
    for attempt in (reader, inspecting(url.format(CANARY))):
        with pytest.raises(SourceError) as caught, attempt:
            pass
        assert str(caught.value) == sentence
