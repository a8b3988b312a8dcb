"""Stages in threads: order kept, errors passed on, nothing left running."""

import threading
import time
from collections.abc import Iterator

import pytest

from exports.services.pipeline import ahead


class Stop(Exception):
    pass


def nothing() -> None:
    pass


def stages() -> int:
    return sum(thread.name == "stage" for thread in threading.enumerate())


def test_items_come_in_order() -> None:
    assert list(ahead(iter(range(1000)), nothing)) == list(range(1000))


def test_an_error_of_the_stage_comes_out_where_its_items_are_taken() -> None:
    def failing() -> Iterator[int]:
        yield 1
        raise ValueError("broken source")

    items = ahead(failing(), nothing)
    assert next(items) == 1
    with pytest.raises(ValueError, match="broken source"):
        next(items)


def test_it_is_at_most_one_item_ahead_and_one_in_the_making() -> None:
    made: list[int] = []

    def counting() -> Iterator[int]:
        for number in range(100):
            made.append(number)
            yield number

    items = ahead(counting(), nothing)
    next(items)
    time.sleep(0.3)
    assert len(made) <= 3
    items.close()


def test_closing_it_ends_the_thread_and_closes_the_source() -> None:
    closed = threading.Event()

    def endless() -> Iterator[int]:
        try:
            while True:
                yield 1
        finally:
            closed.set()

    before = stages()
    items = ahead(endless(), nothing)
    next(items)
    items.close()
    assert closed.is_set()
    assert stages() == before


def test_a_check_that_raises_stops_the_waiting() -> None:
    stop = threading.Event()

    def slow() -> Iterator[int]:
        stop.wait(5)
        yield 1

    def check() -> None:
        if started + 0.5 < time.monotonic():
            stop.set()
            raise Stop

    started = time.monotonic()
    with pytest.raises(Stop):
        list(ahead(slow(), check))
    assert time.monotonic() - started < 3
