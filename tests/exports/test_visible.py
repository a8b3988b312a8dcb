"""What each role sees of its own organization, and that nobody sees another's."""

from collections.abc import Callable

import pytest
from django.db.models import Model, QuerySet

from accounts.models import Organization, User
from accounts.roles import ADMINISTER, AUDITOR, DATA_EXPORTER, EXPORT_CONTACT_HISTORY, EXPORTER, RETENTION_ADMINISTRATOR
from accounts.services.access import Access, Denied, superuser_access
from accounts.services.people import join
from exports.models import Certificate, File, Source
from exports.services import certificates, definitions, jobs, visible
from exports.services.definitions import JobDefinition
from exports.services.errors import Invalid, NotFound
from tests.conftest import access_in

EXPORTED: list[Callable[[Access], QuerySet[Model]]] = [visible.sources, visible.datasets, visible.jobs, visible.runs, visible.files]
by_name = pytest.mark.parametrize("rows", EXPORTED, ids=lambda rows: rows.__name__)


def member(user: User, organization: Organization, *roles: str) -> Access:
    join(user, organization, roles)
    return access_in(organization, user)


def of_kind(kind: str) -> None:
    Source.objects.update(kind=kind)


@by_name
def test_exporter_sees_contact_history(
    rows: Callable[..., QuerySet[Model]], file: File, teammate: User, organization: Organization
) -> None:
    assert rows(member(teammate, organization, EXPORTER)).exists()


@by_name
def test_exporter_sees_no_other_source(
    rows: Callable[..., QuerySet[Model]], file: File, teammate: User, organization: Organization
) -> None:
    of_kind(Source.Kind.SQL)
    assert not rows(member(teammate, organization, EXPORTER)).exists()


@by_name
def test_data_exporter_sees_every_source(
    rows: Callable[..., QuerySet[Model]], file: File, teammate: User, organization: Organization
) -> None:
    of_kind(Source.Kind.SQL)
    assert rows(member(teammate, organization, DATA_EXPORTER)).exists()


@by_name
@pytest.mark.parametrize("roles", [(), (AUDITOR,), (RETENTION_ADMINISTRATOR,)], ids=str)
def test_who_may_export_nothing_is_denied(
    rows: Callable[..., QuerySet[Model]], roles: tuple[str, ...], file: File, teammate: User, organization: Organization
) -> None:
    with pytest.raises(Denied, match="teammate has no role in Here that allows to export"):
        rows(member(teammate, organization, *roles))


@pytest.mark.parametrize("rows", [*EXPORTED, visible.certificates], ids=lambda rows: rows.__name__)
def test_another_organization_sees_nothing(
    rows: Callable[..., QuerySet[Model]], file: File, outsider: User, elsewhere: Organization
) -> None:
    assert not rows(access_in(elsewhere, outsider)).exists()


def test_who_only_administers_manages_certificates_and_exports_nothing(access: Access, certificate: Certificate) -> None:
    administers = Access(access.user, access.organization, frozenset({ADMINISTER}))
    assert visible.certificates(administers).get() == certificate
    with pytest.raises(Denied):
        visible.jobs(administers)


def test_exporter_reads_the_certificate_and_changes_none(access: Access, certificate: Certificate) -> None:
    exporter = Access(access.user, access.organization, frozenset({EXPORT_CONTACT_HISTORY}))
    assert certificates.primary(exporter) == certificate
    with pytest.raises(Denied, match="manage certificates"):
        certificates.upload(exporter, "c.pem", b"")
    with pytest.raises(Denied, match="manage certificates"):
        certificates.set_active(exporter, certificate.pk, active=False)


def test_exporter_makes_no_job_on_another_source(definition: JobDefinition, teammate: User, organization: Organization) -> None:
    of_kind(Source.Kind.SQL)
    exporter = member(teammate, organization, EXPORTER)
    with pytest.raises(Invalid, match=r'source "contact-history" is unknown. There are: none yet.'):
        jobs.create_job(exporter, definition)
    assert not definitions.data_types(exporter).exists()


def test_exporter_moves_no_job_to_another_source(
    access: Access, definition: JobDefinition, teammate: User, organization: Organization
) -> None:
    job = jobs.create_job(access, definition)
    of_kind(Source.Kind.SQL)
    with pytest.raises(NotFound):
        jobs.update_job(member(teammate, organization, EXPORTER), job, definition)


def test_permission_that_goes_between_finding_and_acting_counts(
    access: Access, definition: JobDefinition, outsider: User, elsewhere: Organization
) -> None:
    job = jobs.create_job(access, definition)
    for act in (jobs.run_now, jobs.suspend_job, jobs.resume_job, jobs.cancel_job, jobs.delete_job, jobs.clone):
        with pytest.raises(NotFound):
            act(access_in(elsewhere, outsider), job)


def test_superusers_access_is_for_superusers(owner: User, organization: Organization) -> None:
    with pytest.raises(Denied, match="owner is not a superuser"):
        superuser_access(owner, organization)
