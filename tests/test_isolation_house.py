"""Faces reach rows through services only, and services ask an Access: querysets without the organization cannot be reached from a face."""

import ast
import inspect
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any, get_type_hints

import pytest
from django.apps import apps

from accounts.models import Organization
from tests.test_house_rules import ROOT, imports, modules

FACES = ("retention/api", "retention/console", "exports/api", "exports/console", "accounts/api", "accounts/console")
MANAGERS = {"objects", "_default_manager", "_base_manager"}
# What services do for each other and for workers, without an Access.
LOWER = {"end", "stop", "start", "start_due", "sync_beat", "remove_beat", "expire_files", "usable", "superuser_access", "access_to"}


def models() -> set[str]:
    return {model.__name__ for app in ("accounts", "exports", "retention") for model in apps.get_app_config(app).get_models()}


def bypasses(tree: ast.AST) -> Iterator[str]:
    """Where a face reaches for rows itself: a manager, a related manager of an organization, a model handed to a shortcut."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and node.attr in MANAGERS:
            yield f"{node.lineno}: .{node.attr}"
        elif isinstance(node, ast.Attribute) and is_organization(node.value) and node.attr not in {"pk", "id", "name", "key"}:
            yield f"{node.lineno}: organization.{node.attr}"
        elif isinstance(node, ast.Call) and not (isinstance(node.func, ast.Name) and node.func.id == "isinstance"):
            given = [*node.args, *[keyword.value for keyword in node.keywords]]
            yield from (
                f"{node.lineno}: {value.id} as an argument" for value in given if isinstance(value, ast.Name) and value.id in models()
            )


def is_organization(node: ast.expr) -> bool:
    return (isinstance(node, ast.Name) and node.id == "organization") or (isinstance(node, ast.Attribute) and node.attr == "organization")


@pytest.mark.parametrize("path", [path for face in FACES for path in modules(face)], ids=lambda path: str(path.relative_to(ROOT)))
def test_face_reaches_no_rows_without_an_access(path: Path) -> None:
    assert list(bypasses(ast.parse(path.read_text()))) == []


@pytest.mark.parametrize(
    "code",
    [
        "Job.objects.get(pk=1)",
        "access.organization.jobs.all()",
        "organization.sources",
        "get_object_or_404(Job, pk=1)",
        "ListView(model=Job)",
    ],
)
def test_bypasses_are_found(code: str) -> None:
    assert list(bypasses(ast.parse(code)))


@pytest.mark.parametrize("path", [path for face in FACES[:4] for path in modules(face)], ids=lambda path: str(path.relative_to(ROOT)))
def test_face_calls_no_service_that_asks_no_access(path: Path) -> None:
    """A function that takes an organization would believe the face; those of LOWER are for services and workers."""
    names = {name for name in imports(path) if ".services" in name}
    used = {node.attr for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Attribute)}
    functions = dict(service_functions(names, used))
    assert functions.keys() & LOWER == set()
    assert [name for name, function in functions.items() if Organization in get_type_hints(function).values()] == []


def service_functions(names: set[str], used: set[str]) -> Iterator[tuple[str, Any]]:
    """What is imported from services: functions by name, and of modules those that are used as attributes."""
    for name in names:
        module, _, last = name.rpartition(".")
        found = getattr(import_module(module), last, None) or import_module(name)
        members = [(key, value) for key, value in vars(found).items() if key in used] if inspect.ismodule(found) else [(last, found)]
        yield from ((key, value) for key, value in members if inspect.isfunction(value))
