"""Purges whose files are in a real S3 that breaks: what is gone is in files that can be read, and nothing else is stored.

Every request that the storage gets fails when it is made for the first time, each of the ways that S3 has to fail.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import LazySettings
from django.core.files.storage import default_storage

from exports.models import Part, Run
from exports.services.tidying import collect_ended
from retention.models import Disposition, Purge, RetentionSettings
from retention.services.steps import STEPS
from tests.processes import Workers, wait_until, workers
from tests.retention.purge_world import PurgeWorld
from tests.s3 import FAULTS, REGION, SECRETS, Fault, breaking, new_bucket, s3_endpoint, store_in

__all__ = ["s3_endpoint", "workers"]


@pytest.fixture
def bucket(s3_endpoint: str, tmp_path: Path) -> Any:
    return new_bucket(s3_endpoint, "purge-" + tmp_path.name.replace("_", "-").lower()[-40:].strip("-"))


@pytest.fixture
def in_s3(purging: PurgeWorld, bucket: Any, s3_endpoint: str, settings: LazySettings) -> PurgeWorld:
    store_in(settings, s3_endpoint, bucket.name)
    return purging


@pytest.fixture(params=FAULTS, ids=lambda fault: fault.__name__)
def broken(request: pytest.FixtureRequest, s3_endpoint: str) -> Iterator[tuple[str, set[tuple[str, str]]]]:
    fault: Fault = request.param
    with breaking(s3_endpoint, fault) as found:
        yield found


def test_a_purge_whose_files_are_in_s3(in_s3: PurgeWorld, bucket: Any) -> None:
    before = in_s3.there()
    purge = in_s3.purged()
    assert purge.status == Purge.Status.COMPLETED, purge.message
    assert in_s3.assert_accounted(purge, before)
    assert {stored.key for stored in bucket.objects.all()} == in_s3.stored()


def test_every_request_to_the_storage_fails_once_and_nothing_is_lost(
    in_s3: PurgeWorld, bucket: Any, s3_endpoint: str, settings: LazySettings, broken: tuple[str, set[tuple[str, str]]]
) -> None:
    settings.RUN_ATTEMPTS = 20
    before, (address, requests) = in_s3.there(), broken
    store_in(settings, address, bucket.name)
    purge = in_s3.purged()
    store_in(settings, s3_endpoint, bucket.name)
    assert {"GET", "PUT"} <= {method for method, _ in requests}
    assert purge.status == Purge.Status.COMPLETED, purge.message
    gone = in_s3.assert_accounted(purge, before)
    assert Disposition.objects.get(purge=purge).facts["rowsPurged"] == len(gone) > 0


def test_after_a_kill_at_every_step_another_worker_process_goes_on_in_s3(
    small: PurgeWorld, bucket: Any, s3_endpoint: str, settings: LazySettings, workers: Workers
) -> None:
    store_in(settings, s3_endpoint, bucket.name)
    RetentionSettings.objects.update(batch_rows=10)
    before, purge = small.there(), small.purge()
    storage = {"STRONGROOM_S3_BUCKET": bucket.name, "STRONGROOM_S3_ENDPOINT_URL": s3_endpoint, "STRONGROOM_S3_REGION": REGION}
    storage |= {f"STRONGROOM_S3_{name.upper()}": value for name, value in SECRETS.items()}
    for step in STEPS:
        workers.append(small.worker(FAULT=f"kill {step}", **storage))
        wait_until(lambda: not workers[-1].is_alive())
    workers.append(small.worker(**storage))
    wait_until(lambda: not Purge.objects.get(pk=purge.pk).is_active)
    purge.refresh_from_db()
    assert purge.status == Purge.Status.COMPLETED, purge.message
    Part.objects.update(lease_until=None)
    Run.objects.update(collected_at=None)
    collect_ended()
    gone = small.assert_accounted(purge, before)
    assert Disposition.objects.get(purge=purge).facts["rowsPurged"] == len(gone) > 0


def test_a_storage_that_is_gone_after_the_extract_stops_the_purge_before_the_first_row(
    in_s3: PurgeWorld, bucket: Any, settings: LazySettings
) -> None:
    settings.RUN_ATTEMPTS = 2
    before = in_s3.contents()
    purge = in_s3.purge()
    in_s3.work_until("freeze.done")
    bucket.objects.all().delete()
    bucket.delete()
    in_s3.work()
    purge.refresh_from_db()
    assert purge.status == Purge.Status.FAILED
    assert "storage" in purge.message
    assert in_s3.contents() == before


def test_a_file_that_is_gone_after_the_extract_is_extracted_again(in_s3: PurgeWorld) -> None:
    before = in_s3.there()
    purge = in_s3.purge()
    in_s3.work_until("freeze.done")
    first = Purge.objects.get(pk=purge.pk).run
    assert first is not None
    default_storage.delete(first.files.all()[0].storage_key)
    in_s3.work()
    purge.refresh_from_db()
    assert purge.status == Purge.Status.COMPLETED, purge.message
    assert purge.run != first
    assert in_s3.in_files(purge) == before - in_s3.there() != set()
