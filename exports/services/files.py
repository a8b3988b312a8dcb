"""Sealed files: which exist for users, links to them, and their end.

A file's end has three steps, so that a crash between them leaves work for `expire_files` and never a listed file without
bytes: it expires (unlisted, links die), the stored object is removed, `deleted_at` says that it is gone. The row stays.
"""

from datetime import datetime
from typing import Any

from django.conf import settings
from django.core import signing
from django.core.files.storage import default_storage
from django.db.models import QuerySet
from django.utils import timezone

from accounts.models import Organization
from exports.models import File
from exports.sealing.storage import remove
from exports.services.errors import Invalid, NotFound

NAMES_AT_ONCE = 100
_SALT = "exports.download"


class LinkRefused(Exception):
    """The link is forged, has expired, or its file is gone. The text says no more than that."""


def listing(
    organization: Organization,
    *,
    name: str = "",
    job_title: str = "",
    data_type: str = "",
    source: str = "",
    run_id: int | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
) -> QuerySet[File]:
    """The files that exist for users. Texts filter by what contains them; `since` ≤ created < `until`."""
    chosen: dict[str, Any] = {
        "name__icontains": name,
        "run__job__title__icontains": job_title,
        "part__dataset__name__icontains": data_type,
        "run__job__source__key__icontains": source,
        "run_id": run_id,
        "created_at__gte": since,
        "created_at__lt": until,
    }
    filters = {path: value for path, value in chosen.items() if value not in {"", None}}
    related = ("run__job__source", "run__job__dataset", "part__dataset")
    return organization.files.listed().select_related(*related).filter(**filters)


def find(organization: Organization, name: str) -> File:
    """Raises NotFound."""
    file = listing(organization).filter(name=name).first() if "\0" not in name else None
    if file is None:
        raise NotFound("There is no file of that name. It may have expired or been deleted.")
    return file


def find_all(organization: Organization, names: list[str]) -> tuple[list[File], list[str]]:
    """(the files in the order of `names`, the names that were not found). Raises Invalid if there are too many or none."""
    wanted = list(dict.fromkeys(name for name in names if name))
    if not wanted:
        raise Invalid({"filename": "filename must hold the names of files, separated by commas."})
    if len(wanted) > NAMES_AT_ONCE:
        raise Invalid({"filename": f"filename holds {len(wanted)} names; at most {NAMES_AT_ONCE} are answered at once."})
    found = {file.name: file for file in listing(organization).filter(name__in=[name for name in wanted if "\0" not in name])}
    return [found[name] for name in wanted if name in found], [name for name in wanted if name not in found]


# --- Links ---------------------------------------------------------------------------------------------------------
def link(file: File, base: str) -> str:
    """A fresh URL below `base` (scheme and host) that downloads the file until LINK_SECONDS from now, without other credentials."""
    return f"{base.rstrip('/')}/download/{signing.dumps([str(file.organization_id), file.pk], salt=_SALT)}"


def follow(token: str) -> File:
    """The file that a link's token names. Raises LinkRefused."""
    try:
        organization_id, pk = signing.loads(token, salt=_SALT, max_age=settings.LINK_SECONDS)
    except (signing.BadSignature, ValueError):
        raise LinkRefused("The link is not valid, or no longer.") from None
    file: File | None = File.objects.listed().filter(organization_id=organization_id, pk=pk).first()
    if file is None:
        raise LinkRefused("The link is not valid, or no longer.")
    return file


# --- The end -------------------------------------------------------------------------------------------------------
def delete_file(file: File) -> None:
    """Remove the stored object; the row stays, with `deleted_at`."""
    File.objects.filter(pk=file.pk, deleted_at=None, expires_at__gt=timezone.now()).update(expires_at=timezone.now())
    remove(default_storage, file.storage_key)
    File.objects.filter(pk=file.pk, deleted_at=None).update(deleted_at=timezone.now())


def delete_files(organization: Organization, names: list[str]) -> None:
    """Delete all of them, or none if one is unknown: raises NotFound then."""
    found, missing = find_all(organization, names)
    if missing:
        raise NotFound(f"There is no file of the name {missing[0]}; nothing was deleted.")
    for file in found:
        delete_file(file)


def expire_files(now: datetime) -> int:
    """Remove the stored objects of files whose days are over, and finish deletions that were cut short. How many."""
    ended = list(File.objects.filter(deleted_at=None, expires_at__lte=now).order_by("pk"))
    for file in ended:
        delete_file(file)
    return len(ended)
