"""Whatever happens in whatever order: nothing goes that is not in a verified file, is held, or was changed; and the ledger is what happened."""

from datetime import timedelta
from typing import Any

import sqlalchemy as sa
import time_machine
from django.utils import timezone
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from exports.models import File
from exports.sources.conditions import Condition
from exports.sources.contact_history import interactions
from retention.models import Batch, Disposition, Hold, Purge
from retention.services import holds, purges
from retention.services.steps import STEPS
from tests.retention.purge_world import PurgeWorld

MEDIA = st.sampled_from(["chat", "email", "voice", "sms"])


class History(RuleBasedStateMachine):
    world: PurgeWorld
    contents: bytes

    def __init__(self) -> None:
        super().__init__()
        self.world.restore_source(self.contents)
        self.was = self.world.rows()
        self.held: dict[int, set[str]] = {}
        self.changed: set[str] = set()
        self.clock = time_machine.travel(timezone.now(), tick=True)
        self.clock.start()

    def teardown(self) -> None:
        self.clock.stop()
        for hold in Hold.objects.filter(released_at=None):
            holds.release(self.world.access, hold, "The example is over.")
        self.world.work()

    @rule(media=MEDIA)
    def order(self, media: str) -> None:
        self.world.purge(Condition("mediaTypeId", "eq", media))

    @rule()
    def work(self) -> None:
        self.world.work()

    @rule(step=st.sampled_from(STEPS), count=st.integers(1, 3))
    def work_and_crash(self, step: str, count: int) -> None:
        """At any of its steps, or not at all if it does not come there so often."""
        self.world.work_until(step, count, must=False)

    @rule(media=MEDIA)
    def hold(self, media: str) -> None:
        """What it covers counts as held once it is in force."""
        covered = Condition("mediaTypeId", "eq", media)
        hold = holds.put(self.world.organization, self.world.owner, self.world.datasets["Interaction"], terms(covered))
        if holds.take_force(hold, timedelta(0)):
            self.held[hold.pk] = {key for key, row in self.world.rows().items() if row["mediaTypeId"] == media}

    @rule(data=st.data())
    def release(self, data: st.DataObject) -> None:
        if self.held:
            pk = data.draw(st.sampled_from(sorted(self.held)))
            holds.release(self.world.access, Hold.objects.get(pk=pk), "Settled.")
            del self.held[pk]

    @rule(data=st.data())
    def change(self, data: st.DataObject) -> None:
        there = sorted(self.world.rows())
        if there:
            key = data.draw(st.sampled_from(there))
            with self.world.writing() as connection:
                connection.execute(sa.update(interactions).where(interactions.c.id == key).values(subject=f"changed {len(self.changed)}"))
            self.was = self.was | {key: self.world.rows()[key]}
            self.changed.add(key)

    @rule()
    def cancel(self) -> None:
        for purge in Purge.objects.filter(status__in=Purge.ACTIVE, cancelled_by=None)[:1]:
            purges.cancel(self.world.access, purge)

    @rule(hours=st.integers(-24, 24))
    def move_the_clock(self, hours: int) -> None:
        self.clock.stop()
        self.clock = time_machine.travel(timezone.now() + timedelta(hours=hours), tick=True)
        self.clock.start()

    @invariant()
    def nothing_is_lost(self) -> None:
        gone = self.was.keys() - self.world.rows().keys()
        files = File.objects.filter(run__status="completed", run__job__kind="Retention", deleted_at=None)
        archived = {
            (row["id"], row["subject"]) for file in files.filter(part__dataset__name="Interaction") for row in self.world.opened(file)
        }
        assert {(key, self.was[key]["subject"]) for key in gone} <= archived
        assert not gone & set().union(*self.held.values()), "a held row went"

    @invariant()
    def the_ledger_is_what_happened(self) -> None:
        gone = len(self.was.keys() - self.world.rows().keys())
        counted = [batch.deleted for batch in Batch.objects.filter(status=Batch.Status.DONE)]
        undecided = Batch.objects.filter(status=Batch.Status.COMMITTING).exists()
        assert undecided or sum(counted) - self.world.counted_before == gone
        for entry in Disposition.objects.all():
            deleted = sum(batch.deleted for batch in entry.purge.batches.all())
            assert entry.facts["rowsPurged"] == deleted


def terms(where: Any) -> Any:
    from retention.services.hold_terms import Terms

    return Terms(
        matter="Doe v. Roe",
        reason="Asked for.",
        criteria="mediaTypeId eq '…'",
        keys=[],
        where=where,
        starts_at=timezone.now(),
        ends_at=None,
    )


def test_any_history_keeps_its_promises(small: PurgeWorld) -> None:
    small.settings.batch_rows = 15
    small.settings.save()
    machine = type("Machine", (History,), {"world": small, "contents": small.source_bytes()})
    health = [HealthCheck.too_slow, HealthCheck.filter_too_much]
    run_state_machine_as_test(
        machine,
        settings=settings(max_examples=8, stateful_step_count=12, phases=[Phase.generate], deadline=None, suppress_health_check=health),
    )
