"""Rules of the house that no linter has: what a module may not import from inside Django, and what the lock files may not name."""

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
LOCKS = ("requirements.lock", "tests/bench/requirements.lock")
NPM_LOCK = "tests/accounts/oidc/package-lock.json"
# import-linter cannot tell the parts of an outside package apart.
FORBIDDEN = {
    "exports/sources": ("django.db", "django.contrib", "django.http", "django.views"),
    "exports/formats": ("django",),
    "exports/sealing": ("django.db", "django.contrib", "django.http", "django.views"),
    "exports/services": ("django.http", "django.views", "django.shortcuts", "django.urls"),
    "exports/models": ("django.http", "django.views", "django.shortcuts", "django.urls", "django.contrib.admin"),
    "retention/services": ("django.http", "django.views", "django.shortcuts", "django.urls"),
    "retention/models": ("django.http", "django.views", "django.shortcuts", "django.urls", "django.contrib.admin"),
    "accounts/services": ("django.http", "django.views", "django.shortcuts", "django.urls"),
    "accounts/models": ("django.http", "django.views", "django.shortcuts", "django.urls", "django.contrib.admin"),
}


def imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def modules(place: str) -> list[Path]:
    path = ROOT / place
    return [path] if path.is_file() else sorted(path.rglob("*.py"))


@pytest.mark.parametrize("place", FORBIDDEN)
def test_floor_imports_nothing_from_above(place: str) -> None:
    found = [
        (path.name, name)
        for path in modules(place)
        for name in imports(path)
        if f"{name}.".startswith(tuple(f"{f}." for f in FORBIDDEN[place]))
    ]
    assert found == []


def test_import_contracts_have_no_exceptions() -> None:
    text = (ROOT / "pyproject.toml").read_text()
    assert text.count("[[tool.importlinter.contracts]]") >= 5
    assert "ignore_imports" not in text


@pytest.mark.parametrize("lock", [*LOCKS, NPM_LOCK])
def test_lock_names_no_host(lock: str) -> None:
    assert re.findall(r"(?m)^.*(?:://|index-url|find-links|@ ).*$", (ROOT / lock).read_text()) == []


@pytest.mark.parametrize("lock", LOCKS)
def test_lock_has_a_hash_for_every_package(lock: str) -> None:
    packages = re.split(r"(?m)^(?=[a-z0-9])", (ROOT / lock).read_text())[1:]
    assert packages
    assert [package.partition(" ")[0] for package in packages if "==" not in package or "--hash=sha256:" not in package] == []


def test_npm_lock_has_a_hash_for_every_package() -> None:
    packages = json.loads((ROOT / NPM_LOCK).read_text())["packages"]
    assert [name for name, package in packages.items() if name and not package.get("integrity", "").startswith("sha512-")] == []


def test_peers_fit_the_versions_that_strongroom_runs_with() -> None:
    ours, peers = (dict(re.findall(r"(?m)^([a-z0-9._-]+)(?:\[[^\]]*\])?==([^ \n]+)", (ROOT / lock).read_text())) for lock in LOCKS)
    assert {name: (ours[name], peers[name]) for name in ours.keys() & peers.keys() if ours[name] != peers[name]} == {}


def test_license_is_apache() -> None:
    text = (ROOT / "LICENSE").read_text()
    assert "Apache License" in text
    assert "Version 2.0, January 2004" in text
    assert "END OF TERMS AND CONDITIONS" in text
