"""The steps of a purge, and of a restore, at whose boundaries a worker may die, by name: the fault tests stop it at each. Nothing else observes them."""

from collections.abc import Callable

STEPS = (
    "extract.begun",
    "extract.ended",
    "freeze.written",
    "freeze.done",
    "verify.done",
    "batch.marked",
    "batch.locked",
    "batch.compared",
    "batch.children-deleted",
    "batch.deleted",
    "batch.planned",
    "batch.committed",
    "batch.done",
    "purge.completed",
)

RESTORE_STEPS = ("restore.held", "restore.inserted", "restore.planned", "restore.committed", "restore.done", "restore.ended")


def _nobody(step: str) -> None:
    """Production looks at no step."""


observer: Callable[[str], None] = _nobody


def reached(step: str) -> None:
    assert step in STEPS or step in RESTORE_STEPS, f"{step} is in neither list"
    observer(step)
