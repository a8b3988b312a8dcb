"""Whatever happens in whatever order, a run delivers what was visible, older than the lag and not delivered yet: all of it, once."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from exports.models import Job, Run
from exports.services import finishing, jobs, sync, tidying
from exports.services.watermark import set_watermark
from exports.services.work import run_until_idle
from tests.exports.sources_fixtures import sqlite
from tests.exports.syncing import LAG, OVERLAP, START, Table, sqlite_table, world

__all__ = ["sqlite", "sqlite_table", "world"]

Version = tuple[int, str, datetime]


WAITS = st.sampled_from([1, LAG, LAG + 5, OVERLAP])


class Crash(BaseException):
    """The process dies here."""


class History(RuleBasedStateMachine):
    table: Table
    patch: pytest.MonkeyPatch

    def __init__(self) -> None:
        super().__init__()
        self.table.scratch.sql("DELETE FROM t")
        self.clock, self.number = START, 0
        self.seen: dict[int, Version] = {}
        self.late: dict[int, Version] = {}
        self.delivered: set[Version] = set()
        self.floor: datetime | None = None
        self.going: tuple[Run, set[Version]] | None = None
        window = sync.window
        self.patch.setattr(sync, "window", lambda job, _: window(job, self.clock))
        self.job = self.table.job()

    def teardown(self) -> None:
        self.patch.undo()
        if self.going:
            jobs.cancel_job(self.table.world.access, self.job)

    def version(self, row: int) -> Version:
        self.number += 1
        self.clock += timedelta(seconds=1)
        return row, f"v{self.number}", self.clock

    def see(self, version: Version) -> None:
        row, value, changed = version
        self.table.put(row, value, changed)
        self.seen[row] = version

    def due(self) -> set[Version]:
        """What a run that starts now must deliver."""
        until = self.clock - timedelta(seconds=LAG)
        since = self.floor or START - timedelta(days=1)
        return {version for version in self.seen.values() if since <= version[2] < until} - self.delivered

    @rule(rows=st.sets(st.integers(1, 4), min_size=1))
    def change(self, rows: set[int]) -> None:
        for row in rows - set(self.late):
            self.see(self.version(row))

    @rule(row=st.integers(1, 4))
    def begin_to_change(self, row: int) -> None:
        if row not in self.late:
            self.late[row] = self.version(row)

    @precondition(lambda self: self.late)
    @rule(data=st.data())
    def commit(self, data: st.DataObject) -> None:
        self.see(self.late.pop(data.draw(st.sampled_from(sorted(self.late)))))

    def wait(self, seconds: int) -> None:
        """Nobody commits later than lag and overlap together."""
        self.clock += timedelta(seconds=seconds)
        for row, version in list(self.late.items()):
            if self.clock - version[2] >= timedelta(seconds=LAG + OVERLAP):
                self.clock = max(self.clock - timedelta(seconds=seconds), version[2])
                self.see(self.late.pop(row))
                self.clock += timedelta(seconds=seconds)

    def start(self, seconds: int) -> tuple[Run, set[Version]]:
        self.wait(seconds)
        return jobs.run_now(self.table.world.access, self.job), self.due()

    @precondition(lambda self: not self.going)
    @rule(seconds=WAITS)
    def run(self, seconds: int) -> None:
        self.going = self.start(seconds)
        self.finish()

    @precondition(lambda self: not self.going)
    @rule(seconds=WAITS)
    def run_and_crash(self, seconds: int) -> None:
        self.going = self.start(seconds)
        with self.patch.context() as patch:
            patch.setattr(finishing, "announce", self.crash)  # the last thing in the transaction that completes a run
            with pytest.raises(Crash):
                run_until_idle()

    def crash(self, *_: Any, **__: Any) -> None:
        raise Crash

    @precondition(lambda self: self.going)
    @rule()
    def finish(self) -> None:
        assert self.going
        run, due = self.going
        Run.objects.filter(pk=run.pk).update(lease_until=None)
        run_until_idle()
        assert self.table.delivered(run) == sorted(version[:2] for version in due)
        self.delivered |= due
        self.going = None

    @precondition(lambda self: self.going)
    @rule()
    def cancel(self) -> None:
        jobs.cancel_job(self.table.world.access, self.job)
        tidying.collect_ended()
        self.going = None

    @precondition(lambda self: not self.going)
    @rule(seconds=st.sampled_from([0, LAG, 2 * OVERLAP]))
    def set_back(self, seconds: int) -> None:
        self.floor = self.clock - timedelta(seconds=LAG + seconds)
        set_watermark(self.table.world.access, self.job, self.floor)
        self.delivered = {version for version in self.delivered if version[2] < self.floor}

    @invariant()
    def the_watermark_moves_with_completed_runs_only(self) -> None:
        done = [run.cutoff for run in self.job.runs.filter(status=Run.Status.COMPLETED)]
        watermark = Job.objects.get(pk=self.job.pk).watermark
        assert watermark in {None, self.floor, *done}


def test_any_history_is_delivered_whole_and_once(sqlite_table: Table) -> None:
    """Examples are not made smaller: that takes minutes, and the steps of the one that failed are shown."""
    with pytest.MonkeyPatch.context() as patch:
        machine = type("Machine", (History,), {"table": sqlite_table, "patch": patch})
        health = [HealthCheck.too_slow, HealthCheck.filter_too_much]
        run_state_machine_as_test(
            machine,
            settings=settings(
                max_examples=20, stateful_step_count=14, phases=[Phase.generate], deadline=None, suppress_health_check=health
            ),
        )
