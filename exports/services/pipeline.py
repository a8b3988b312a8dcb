"""Stages that run at the same time: each in a thread of its own, one item ahead of who takes from it."""

import queue
import threading
from collections.abc import Callable, Generator, Iterator
from contextvars import copy_context
from typing import TypeVar

T = TypeVar("T")

_WAIT_SECONDS = 0.2


class _End:
    """The last thing in the queue: the stage is done, or failed with `error`."""

    def __init__(self, error: BaseException | None) -> None:
        self.error = error


def ahead(items: Iterator[T], check: Callable[[], None]) -> Generator[T, None, None]:
    """Yield `items`, made in another thread, at most one item ahead; `check` is called while waiting and may raise.

    An exception of the other thread is raised here. When this generator is closed or raises, the other thread ends after
    the item that it works on, and closes `items` if that is a generator.
    """
    handover: queue.Queue[T | _End] = queue.Queue(1)
    abandoned = threading.Event()
    thread = threading.Thread(target=copy_context().run, args=(_produce, items, handover, abandoned), name="stage", daemon=True)
    thread.start()
    try:
        while True:
            item = _get(handover, check)
            if isinstance(item, _End):
                if item.error:
                    raise item.error
                return
            yield item
    finally:
        abandoned.set()
        thread.join()


def _produce(items: Iterator[T], handover: "queue.Queue[T | _End]", abandoned: threading.Event) -> None:
    error: BaseException | None = None
    try:
        for item in items:
            if not _put(handover, item, abandoned):
                break
    except BaseException as raised:  # noqa: BLE001 handed over, and raised where the items are taken
        error = raised
    finally:
        if isinstance(items, Generator):
            items.close()
    _put(handover, _End(error), abandoned)


def _put(handover: "queue.Queue[T | _End]", item: T | _End, abandoned: threading.Event) -> bool:
    while not abandoned.is_set():
        try:
            handover.put(item, timeout=_WAIT_SECONDS)
        except queue.Full:
            continue
        return True
    return False


def _get(handover: "queue.Queue[T | _End]", check: Callable[[], None]) -> T | _End:
    while True:
        check()
        try:
            return handover.get(timeout=_WAIT_SECONDS)
        except queue.Empty:
            continue
