"""A job that has ended, with the file of its extract, and who asks for it."""

from collections.abc import Callable

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.models import Organization, User
from exports.models import Certificate, File, Job, Run
from retention.models import Batch, Purge, RetentionJob


@pytest.fixture
def address(organization: Organization) -> str:
    return f"/orgs/{organization.pk}/retention/jobs"


@pytest.fixture
def ready(api: APIClient, interaction: object, certificate: Certificate) -> APIClient:
    """The owner, who has what a job needs."""
    return api


@pytest.fixture
def waiting(organization: Organization, owner: User) -> RetentionJob:
    return RetentionJob.objects.create(organization=organization, owner=owner, kind="Extract", criteria={"Interaction": "id eq '1'"})


@pytest.fixture
def ended(organization: Organization, owner: User, file: File, make_job: Callable[..., Job]) -> RetentionJob:
    """An ExtractPurge of 20 rows, of which 3 were kept under lock and 17 went, with 5 rows below them; 2 more are held."""
    dataset = file.part.dataset
    Job.objects.filter(pk=file.run.job_id).update(kind=Job.Kind.RETENTION)
    job = RetentionJob.objects.create(
        organization=organization,
        owner=owner,
        kind="ExtractPurge",
        status="Completed",
        criteria={"interaction": "id ne '1'"},
        resources=[{"name": "interaction", "dataset": dataset.pk, "where": {}}],
        started_at=timezone.now(),
        finished_at=timezone.now(),
    )
    terms = {"organization": organization, "terms": {}, "slot": timezone.now(), "status": "completed", "kept": {"the hold “A”": 2}}
    purge = Purge.objects.create(job=job, dataset=dataset, run=Run.objects.get(pk=file.run_id), **terms)
    for start, stop, kept in ((0, 10, [4]), (10, 20, [1, 2])):
        gone = {"status": Batch.Status.DONE, "token": 1, "deleted": stop - start - len(kept), "children": {"9": 5} if start else {}}
        Batch.objects.create(purge=purge, start=start, stop=stop, kept={"changed": kept}, **gone)
    return job
