"""The situations that the tables name: each makes what it takes, for real, and says what to ask with."""

from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from django.core.files.storage import default_storage
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone

from exports.models import File, Job, Run
from exports.services.jobs import suspend_job
from tests.api.conformance.table import Operation

Get = Callable[[str], Any]
"""A pytest fixture by its name."""
FAR = 999_999


@dataclass
class Asked:
    """What is put into the address and sent. `ids` are those of history records or of jobs, as the address wants them."""

    ids: list[object] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    query: dict[str, object] = field(default_factory=dict)
    files: dict[str, Any] = field(default_factory=dict)
    body: dict[str, Any] | None = None


def _of(operation: Operation, *runs: Run) -> list[object]:
    return [run.pk if "/history" in operation.path else run.job_id for run in runs]


def _body(operation: Operation, **changes: object) -> dict[str, Any] | None:
    name = operation.said.get("body")
    return deepcopy(operation.face.table["requests"][name]) | changes if name else None


# --- Nothing special -----------------------------------------------------------------------------------------------
def nothing(get: Get, operation: Operation) -> Asked:
    return Asked()


def a_page_behind_the_last(get: Get, operation: Operation) -> Asked:
    get("completed_run")
    return Asked(query={"from": 1})


def an_id_that_is_no_number(get: Get, operation: Operation) -> Asked:
    return Asked(ids=["x"], body=_body(operation))


def an_unknown_id(get: Get, operation: Operation) -> Asked:
    get("interaction")
    get("certificate")
    return Asked(ids=[FAR], body=_body(operation))


def ids_that_are_no_numbers(get: Get, operation: Operation) -> Asked:
    return Asked(ids=[1, "x"])


def no_ids(get: Get, operation: Operation) -> Asked:
    return Asked(ids=[])


# --- Jobs and runs -------------------------------------------------------------------------------------------------
def a_finished_run(get: Get, operation: Operation) -> Asked:
    return Asked(ids=_of(operation, get("completed_run")), body=_body(operation))


def a_run_in_progress(get: Get, operation: Operation) -> Asked:
    return Asked(ids=_of(operation, get("make_run")(Run.Status.IN_PROGRESS, rows_total=10)))


def one_in_progress_beside_a_finished_one(get: Get, operation: Operation) -> Asked:
    return Asked(ids=_of(operation, get("completed_run"), get("make_run")(Run.Status.IN_PROGRESS)))


def one_unknown_beside_a_finished_one(get: Get, operation: Operation) -> Asked:
    return Asked(ids=[*_of(operation, get("completed_run")), FAR])


def _ahead(get: Get) -> Job:
    """A job whose start is ahead."""
    tomorrow = timezone.now() + timedelta(days=1)
    job: Job = get("make_job")(cron="0 3 * * *", next_slot=tomorrow, immediately=False)
    return job


def a_job_whose_start_is_ahead(get: Get, operation: Operation) -> Asked:
    return Asked(ids=[_ahead(get).pk])


def a_suspended_job(get: Get, operation: Operation) -> Asked:
    job = suspend_job(get("access"), _ahead(get))
    return Asked(ids=[job.pk], body=_body(operation))


def a_job_that_has_ended(get: Get, operation: Operation) -> Asked:
    return Asked(ids=[get("completed_run").job_id])


def a_job_to_create(get: Get, operation: Operation) -> Asked:
    get("interaction")
    get("certificate")
    return Asked(body=_body(operation))


def a_job_of_an_unknown_source(get: Get, operation: Operation) -> Asked:
    get("certificate")
    return Asked(body=_body(operation, source="ledger"))


def a_job_without_a_certificate(get: Get, operation: Operation) -> Asked:
    get("interaction")
    return Asked(body=_body(operation))


# --- Certificate and catalogue -------------------------------------------------------------------------------------
def a_certificate(get: Get, operation: Operation) -> Asked:
    get("certificate")
    return Asked()


def a_certificate_to_upload(get: Get, operation: Operation) -> Asked:
    return Asked(names=["new.pem"], files={"file": SimpleUploadedFile("new.pem", get("certificate_pem"))})


def a_text_instead_of_a_certificate(get: Get, operation: Operation) -> Asked:
    return Asked(names=["new.pem"], files={"file": SimpleUploadedFile("new.pem", b"not a certificate")})


def no_file_at_all(get: Get, operation: Operation) -> Asked:
    return Asked(names=["new.pem"], files={"profile": "standard"})


def a_source(get: Get, operation: Operation) -> Asked:
    get("interaction")
    return Asked()


def an_unknown_data_type(get: Get, operation: Operation) -> Asked:
    get("interaction")
    return Asked(query={"source": "contact-history", "dataType": "Order"})


# --- Files ---------------------------------------------------------------------------------------------------------
def a_file(get: Get, operation: Operation) -> Asked:
    return Asked(names=[get("file").name])


def a_file_whose_bytes_the_storage_does_not_remove(get: Get, operation: Operation) -> Asked:
    """A folder stands where the bytes were: the operating system refuses."""
    file: File = get("file")
    path = Path(default_storage.path(file.storage_key))
    path.unlink()
    (path / "inside").mkdir(parents=True)
    return Asked(names=[file.name])


def one_unknown_beside_a_file(get: Get, operation: Operation) -> Asked:
    return Asked(names=[get("file").name, "unknown.zip.p7m"])


def an_unknown_name(get: Get, operation: Operation) -> Asked:
    return Asked(names=["unknown.zip.p7m"])


def unknown_names(get: Get, operation: Operation) -> Asked:
    return Asked(names=[get("file").name, "unknown.zip.p7m", "neither.zip.p7m"])


def no_names(get: Get, operation: Operation) -> Asked:
    return Asked(names=[])


def a_hundred_and_one_names(get: Get, operation: Operation) -> Asked:
    return Asked(names=[f"{number}.zip.p7m" for number in range(101)])
