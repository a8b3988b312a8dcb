"""What an Access may see: the querysets from which every service starts that a face calls.

Who may export every source sees all of the organization; who may export contact history only sees the sources of that kind,
and their datasets, jobs, runs and files. Who may do neither is Denied (semantics: sees none of the pages Jobs, History, Artifacts).
Certificates are read by whoever may export or administer, and changed by whoever may administer. Webhooks, mail addresses and
what was delivered to them are for who may administer.
"""

from typing import TypeVar

from django.db.models import Model, QuerySet

from accounts.roles import ADMINISTER, ADMINISTER_RULES, EXPORT_ALL, EXPORT_CONTACT_HISTORY
from accounts.services.access import Access
from exports.models import Certificate, Dataset, Delivery, File, Job, MailAddress, Run, Source, Webhook

Row = TypeVar("Row", bound=Model)


def may_export(access: Access) -> bool:
    """Anything at all."""
    return access.may(EXPORT_CONTACT_HISTORY) or access.may(EXPORT_ALL)


def check(access: Access) -> None:
    """Raises Denied unless the access may export anything at all."""
    access.need(EXPORT_CONTACT_HISTORY, EXPORT_ALL)


def check_export(access: Access, source: Source) -> None:
    """Raises Denied unless the access allows to export `source`."""
    assert source.organization_id == access.organization.pk, "a source is exported for its organization only"
    access.need(EXPORT_ALL, *([EXPORT_CONTACT_HISTORY] if source.kind == Source.Kind.CONTACT_HISTORY else []))


def sources(access: Access) -> QuerySet[Source]:
    return _narrowed(access, Source.objects.all(), "organization", "kind")


def datasets(access: Access) -> QuerySet[Dataset]:
    return _narrowed(access, Dataset.objects.all(), "source__organization", "source__kind")


def jobs(access: Access) -> QuerySet[Job]:
    """Without those that were deleted, and without those that retention extracts with."""
    return _narrowed(access, Job.objects.filter(deleted_at=None).exclude(kind=Job.Kind.RETENTION), "organization", "source__kind")


def runs(access: Access) -> QuerySet[Run]:
    return _narrowed(access, Run.objects.exclude(job__kind=Job.Kind.RETENTION), "organization", "job__source__kind")


def files(access: Access) -> QuerySet[File]:
    """Those that exist for users: of completed runs, neither deleted nor expired."""
    return _narrowed(access, File.objects.listed(), "organization", "run__job__source__kind")


def extract_files(access: Access) -> QuerySet[File]:
    """Those of retention's extracts, for who administers its rules."""
    access.need(ADMINISTER_RULES)
    return File.objects.listed().filter(run__job__kind=Job.Kind.RETENTION, organization=access.organization)


def linked_file(access: Access, pk: int) -> File | None:
    """The file, if the access may see it in one way or the other."""
    ways = [files] if may_export(access) else []
    ways += [extract_files] if access.may(ADMINISTER_RULES) else []
    found = (way(access).select_related("organization").filter(pk=pk).first() for way in ways)
    return next(filter(None, found), None)


def certificates(access: Access) -> QuerySet[Certificate]:
    access.need(EXPORT_CONTACT_HISTORY, EXPORT_ALL, ADMINISTER)
    return Certificate.objects.filter(organization=access.organization)


def webhooks(access: Access) -> QuerySet[Webhook]:
    access.need(ADMINISTER)
    return Webhook.objects.filter(organization=access.organization)


def mail_addresses(access: Access) -> QuerySet[MailAddress]:
    access.need(ADMINISTER)
    return MailAddress.objects.filter(organization=access.organization)


def deliveries(access: Access) -> QuerySet[Delivery]:
    """To webhooks and to the organization's and its members' addresses."""
    access.need(ADMINISTER)
    return Delivery.objects.filter(organization=access.organization)


def _narrowed(access: Access, rows: QuerySet[Row], organization: str, kind: str) -> QuerySet[Row]:
    """`organization` and `kind` (of the source) are paths from the row. Raises Denied."""
    check(access)
    here = rows.filter(**{organization: access.organization})
    return here if access.may(EXPORT_ALL) else here.filter(**{kind: Source.Kind.CONTACT_HISTORY})
