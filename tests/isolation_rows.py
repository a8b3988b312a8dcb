"""What the table of tests/isolation_table.py is made of: a row, who asks, and what the scene puts into addresses."""


# ruff: noqa: ARG005, PLR0917 a cell of the table is a status or a function of the scene

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from sqlalchemy import create_engine

from exports.sources.contact_history import metadata
from tests.console.scenes import Scene

Sent = Callable[[Scene], Mapping[str, Any]]

UNCOMPARED = {"sessions.session", "accounts.auditchain", "accounts.auditentry"}
"""Models (app.model) that a safe or a refused request may write."""
UNCOMPARED_FIELDS = {"last_used_at", "last_login"}

PLACEHOLDERS: dict[str, Callable[[Scene], object]] = {
    "job_id": lambda scene: scene.job.pk,
    "run_id": lambda scene: scene.run.pk,
    "filename": lambda scene: scene.file.name,
    "certificatefilename": lambda scene: "archive.pem",
    "key": lambda scene: "udm-v10",
    "uuid": lambda scene: scene.organization.pk,
}


@dataclass(frozen=True)
class Row:
    route: str
    method: str
    kind: str
    statuses: Mapping[str, int]
    args: Sent = lambda scene: {}
    query: Sent = lambda scene: {}
    data: Sent | None = None
    own: frozenset[str] = frozenset()
    """Models (app.model) of which the address is for changing one's own rows: those that anybody changes there are not looked at."""
    case: str = ""
    """Tells rows of the same route and method apart."""

    def __str__(self) -> str:
        return " ".join(filter(None, [self.method, f"/{self.route}", self.case]))


def api(route: str, method: str, owner: int, teammate: int, outsider: int, anonymous: int = 401, **more: Any) -> Row:
    """With a bearer token. `data` is sent as JSON, unless there is a file in it."""
    return Row(route, method, "api", _statuses(owner, teammate, outsider, anonymous), **more)


def page(route: str, method: str, owner: int, teammate: int, outsider: int, anonymous: int = 302, **more: Any) -> Row:
    """With a signed-in session; anonymous is led to the sign-in page. `data` is sent as a form."""
    return Row(route, method, "page", _statuses(owner, teammate, outsider, anonymous), **more)


def anybody(route: str, method: str, status: int, **more: Any) -> Row:
    """Who asks makes no difference."""
    return Row(route, method, "open", _statuses(status, status, status, status), **more)


def root(route: str, method: str, superuser: int, staff: int = 403, member: int = 302, anonymous: int = 302, **more: Any) -> Row:
    """A page of the admin: for superusers; who is not staff at all is led to the admin's sign-in."""
    others = {**_statuses(member, member, member, anonymous), "staff": staff}
    return Row(f"admin/{route}", method, "admin", {**others, "superuser": superuser}, **more)


def _statuses(owner: int, teammate: int, outsider: int, anonymous: int) -> dict[str, int]:
    return {"anonymous": anonymous, "outsider": outsider, "teammate": teammate, "owner": owner}


def readable(scene: Scene) -> dict[str, Any]:
    """The source's address leads to a database."""
    scene.source.url = f"sqlite:///{settings.SQLITE_FOLDER}/history.sqlite3"
    scene.source.save()
    engine = create_engine(scene.source.url)
    metadata.create_all(engine)
    engine.dispose()
    return {}
