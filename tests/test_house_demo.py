"""`make demo` and `manage.py prepare`: the demo agrees with its source, and a file that does not would be noticed."""

import json
import sqlite3
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as configured
from pytest_django import Settings

from accounts.models import Organization, User
from exports.models import Dataset, Source
from exports.services import demo
from exports.services.demo_proof import Proof, _compare
from exports.services.demo_source import fill
from tests.test_house_environment import manage

Row = dict[str, Any]


def test_demo_agrees_with_its_source(tmp_path: Path) -> None:
    done = manage("demo", "--rows", "400", data=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "Compared rows 400 of Interaction" in done.stdout
    assert "Compared rows 80 of Contact" in done.stdout
    assert "openssl cms -decrypt" in done.stdout


@pytest.mark.parametrize("rows", ["0", "-1"])
def test_demo_needs_a_row(tmp_path: Path, rows: str) -> None:
    done = manage("demo", "--rows", rows, data=tmp_path)
    assert done.returncode != 0
    assert done.stderr.strip() == "CommandError: DEMO_ROWS (--rows) must be 1 or more."


def test_demo_source_fills_a_new_file(tmp_path: Path) -> None:
    done = manage("demo_source", "--rows", "50", "--url", f"sqlite:///{tmp_path}/new/folder/history.sqlite3", data=tmp_path)
    assert done.stdout.startswith("10 contacts, 50 interactions, ")


def test_demo_source_never_prints_the_password(tmp_path: Path) -> None:
    done = manage("demo_source", "--rows", "1", "--url", "postgresql+psycopg://ana:hunter2@127.0.0.1:1/none", data=tmp_path)
    assert done.returncode != 0
    assert "cannot be filled" in done.stderr
    assert "hunter2" not in done.stderr + done.stdout


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("proof") / "history.sqlite3"
    fill(f"sqlite:///{path}", 40)
    return path


def compared(database: Path, damage: Callable[[list[Row]], object]) -> Proof:
    """Contacts as a correct export writes them, then `damage`d, then compared."""
    source = sqlite3.connect(database)
    source.row_factory = sqlite3.Row
    lines = [dict(row) for row in source.execute("SELECT * FROM contacts")]
    for line in lines:
        line["attributes"] = line["attributes"] and json.loads(line["attributes"], parse_float=Decimal)
    damage(lines)
    proof = Proof()
    dataset = Dataset(source=Source(), name="Contact", table="contacts", key_columns=["ContactId"])
    _compare(proof, source, dataset, iter(lines))
    source.close()
    return proof


def test_proof_accepts_what_is_right(database: Path) -> None:
    assert compared(database, len).differences == []


@pytest.mark.parametrize(
    "damage",
    [
        lambda lines: lines.pop(),
        lambda lines: lines.append(lines[0]),
        lambda lines: lines.append({**lines[0], "ContactId": "C-unknown"}),
        lambda lines: lines[0].pop("firstname"),
        lambda lines: lines[0].update(extra=1),
        lambda lines: lines[0].update(firstname="Mallory"),
        lambda lines: lines[0].update(firstname=None),
        lambda lines: lines[0].update(tenantid="101"),
        lambda lines: lines[0].update(createddate="2024-01-01 00:00:00.000001"),
        lambda lines: [line.update(attributes={"segment": "other"}) for line in lines],
    ],
    ids=["missing", "twice", "unknown", "no field", "field too many", "changed", "null", "other type", "moment", "document"],
)
def test_proof_notices(database: Path, damage: Callable[[list[Row]], object]) -> None:
    assert compared(database, damage).differences != []


@pytest.fixture
def house(db: None, tmp_path: Path, settings: Settings) -> Path:
    settings.DATA, settings.SQLITE_FOLDER = tmp_path, tmp_path / "sources"
    return tmp_path


def password(folder: Path) -> str:
    return (folder / "keys" / "admin-password").read_text()


def test_generated_password_signs_in_and_is_private(house: Path) -> None:
    demo.open_house("demo", rows=5)
    assert User.objects.get(username="admin").check_password(password(house))
    assert (house / "keys" / "admin-password").stat().st_mode & 0o077 == 0
    assert password(house) in demo.sign_in_hint()


def test_private_key_is_private(house: Path) -> None:
    assert demo.open_house("demo", rows=5).key.stat().st_mode & 0o077 == 0


def test_given_password_is_taken_and_not_printed(house: Path, settings: Settings) -> None:
    settings.ADMIN_PASSWORD = "given by the operator"
    demo.open_house("demo", rows=5)
    assert User.objects.get(username="admin").check_password("given by the operator")
    assert "given" not in demo.sign_in_hint()
    assert not (house / "keys" / "admin-password").exists()


def test_changed_password_survives_a_second_start(house: Path) -> None:
    demo.open_house("demo", rows=5)
    user = User.objects.get(username="admin")
    user.set_password("changed in the admin")
    user.save()
    demo.open_house("demo", rows=5)
    assert User.objects.get(username="admin").check_password("changed in the admin")
    assert password(house) not in demo.sign_in_hint()


def test_second_opening_makes_nothing_twice(house: Path) -> None:
    first, second = demo.open_house("demo", rows=5), demo.open_house("demo", rows=5)
    assert first == second
    assert Organization.objects.get().certificates.count() == 1
    assert sorted(first.source.datasets.values_list("name", flat=True)) == ["Attachment", "Contact", "Interaction"]


def test_lost_key_is_replaced_with_its_certificate(house: Path) -> None:
    lost = demo.open_house("demo", rows=5).key
    lost.unlink()
    demo.open_house("demo", rows=5)
    assert Organization.objects.get().certificates.filter(is_active=True).count() == 1
    assert lost.exists()


def test_production_prints_no_password(house: Path, settings: Settings) -> None:
    demo.open_house("demo", rows=5)
    settings.PRODUCTION = True
    assert demo.sign_in_hint() == ""


def test_prepare_is_refused_in_production(tmp_path: Path) -> None:
    assert configured.PRODUCTION is False
    secret = "a" * 20 + "0123456789-bcdefghij-klmnopqrst-uvwxyz"
    done = manage("prepare", data=tmp_path, STRONGROOM_MODE="production", STRONGROOM_SECRET_KEY=secret, STRONGROOM_ENCRYPTION_KEYS=secret)
    assert done.returncode != 0
    assert "lays out a demo" in done.stderr
