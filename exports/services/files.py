"""Sealed files: which exist for users, links to them, and their end.

A file's end has three steps, so that a crash between them leaves work for `expire_files` and never a listed file without
bytes: it expires (unlisted, links die), the stored object is removed, `deleted_at` says that it is gone. The row stays.
"""

import logging
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.conf import settings
from django.core import signing
from django.core.files.storage import default_storage
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.http import content_disposition_header
from structlog.contextvars import bound_contextvars

from accounts.models import Membership, User
from accounts.services.access import Access, access_to
from accounts.services.audit import record, values_of
from exports.models import File
from exports.sealing.storage import StorageError, remove
from exports.services import visible
from exports.services.errors import Conflict, Invalid, NotFound
from exports.services.extracts import is_extract
from exports.services.trail import FILE, tell

logger = logging.getLogger(__name__)

NAMES_AT_ONCE = 100
SYSTEM = "the system"
"""Who acts, in the audit trail, where nobody asked."""
_SALT = "exports.download"


class LinkRefused(Exception):
    """The link is forged, has expired, or its file is gone. The text says no more than that."""


def listing(
    access: Access,
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
    return visible.files(access).select_related(*related).filter(**filters)


def find(access: Access, name: str) -> File:
    """Raises NotFound."""
    file = listing(access).filter(name=name).first() if "\0" not in name else None
    if file is None:
        raise NotFound("There is no file of that name. It may have expired or been deleted.")
    return file


def find_all(access: Access, names: list[str]) -> tuple[list[File], list[str]]:
    """(the files in the order of `names`, the names that were not found). Raises Invalid if there are too many or none."""
    wanted = list(dict.fromkeys(name for name in names if name))
    if not wanted:
        raise Invalid({"filename": "filename must hold the names of files, separated by commas."})
    if len(wanted) > NAMES_AT_ONCE:
        raise Invalid({"filename": f"filename holds {len(wanted)} names; at most {NAMES_AT_ONCE} are answered at once."})
    found = {file.name: file for file in listing(access).filter(name__in=[name for name in wanted if "\0" not in name])}
    return [found[name] for name in wanted if name in found], [name for name in wanted if name not in found]


# --- Links ---------------------------------------------------------------------------------------------------------
@transaction.atomic
def give_links(access: Access, found: Iterable[File], base: str) -> list[str]:
    """A fresh link to each of the files for `access.user`, recorded."""
    links = [(file, link(file, base, access.user)) for file in found]
    for file, _ in links:
        tell(access, "file.link", file, after={"seconds": settings.LINK_SECONDS})
    return [made for _, made in links]


def link(file: File, base: str, user: User) -> str:
    """A fresh URL that downloads the file until LINK_SECONDS from now, without other credentials.

    From S3 it is the store's own, which ends early only with the file. Else it lies below `base` (scheme and host): it ends early
    if `user`, to whom it is given, loses the right to the file, and the record of a download names them.
    """
    if settings.S3_BUCKET:
        return presigned(file, settings.LINK_SECONDS)
    return f"{base.rstrip('/')}/download/{signing.dumps([str(file.organization_id), file.pk, user.pk], salt=_SALT)}"


def presigned(file: File, seconds: int) -> str:
    """The S3 store's own link. Ranges work there; the answer has the file's name and type."""
    answered = {
        "ResponseContentDisposition": content_disposition_header(as_attachment=True, filename=file.name),
        "ResponseContentType": media_type(file),
    }
    url: str = default_storage.url(file.storage_key, parameters=answered, expire=seconds)  # type: ignore[call-arg]  # S3Storage's own
    return url


def media_type(file: File) -> str:
    return f"application/pkcs7-mime; smime-type={file.profile}"


def follow(token: str) -> tuple[File, User]:
    """The file that a link's token names, and to whom the link was given. Raises LinkRefused."""
    try:
        organization_id, pk, user_id = signing.loads(token, salt=_SALT, max_age=settings.LINK_SECONDS)
    except (signing.BadSignature, ValueError):
        raise LinkRefused("The link is not valid, or no longer.") from None
    membership = Membership.objects.select_related("user", "organization").filter(user=user_id, organization=organization_id).first()
    access = access_to(membership.user, membership.organization) if membership else None
    file = visible.linked_file(access, pk) if access else None
    if access is None or file is None:
        raise LinkRefused("The link is not valid, or no longer.")
    return file, access.user


def note_download(file: File, user: User, first: int, last: int) -> None:
    """Bytes `first` … `last` of the file are about to be sent to whoever holds the link that was given to `user`."""
    after = {"first byte": first, "last byte": last, "size": file.size, "sha256": file.sha256}
    record("file.download", file, organization=file.organization, user=user, after=after)


# --- The end -------------------------------------------------------------------------------------------------------
def delete_file(access: Access, name: str) -> None:
    """Raises NotFound."""
    _delete(access, [find(access, name)])


def delete_files(access: Access, names: list[str]) -> None:
    """Delete all of them, or none if one is unknown: raises NotFound then."""
    found, missing = find_all(access, names)
    if missing:
        raise NotFound(f"There is no file of the name {missing[0]}; nothing was deleted.")
    _delete(access, found)


def delete_each(access: Access, names: list[str]) -> list[str]:
    """Delete those that can be deleted. The names of the others: unknown, or the storage did not remove the bytes.

    Of the latter the end has begun: nobody sees them any more, and `expire_files` goes on. Raises NotFound if all are unknown.
    """
    found, missing = find_all(access, names)
    if not found:
        raise NotFound(f"There is no file of the name {missing[0]}.")
    _decide(access, found)
    return missing + [file.name for file in found if not _ended(file)]


def _delete(access: Access, found: list[File]) -> None:
    """First what decides it; then the bytes."""
    _decide(access, found)
    for file in found:
        end(file)


@transaction.atomic
def _decide(access: Access, found: list[File]) -> None:
    """Raises Conflict, and nothing is deleted, if one belongs to an extract of retention: it may hold the only copy of rows that went."""
    if extract := next((file for file in found if is_extract(file.run.job)), None):
        raise Conflict(f"{extract.name} holds what retention took out. It cannot be deleted by hand; it goes when its days are over.")
    unlist(File.objects.filter(pk__in=[file.pk for file in found]))
    for file in found:
        tell(access, "file.delete", file, before=values_of(file, FILE))


def _ended(file: File) -> bool:
    try:
        end(file)
    except StorageError as error:
        logger.warning("%s", error)
        return False
    return True


def unlist(files: QuerySet[File]) -> None:
    """They are deleted: from now on nobody sees them any more, and links to them die."""
    listed = files.filter(deleted_at=None, expires_at__gt=timezone.now(), removal="")
    listed.update(expires_at=timezone.now(), removal=File.Removal.DELETED)


def end(file: File) -> None:
    """Remove the stored object; the row stays, with `deleted_at`."""
    unlist(File.objects.filter(pk=file.pk))
    remove(default_storage, file.storage_key)
    File.objects.filter(pk=file.pk, deleted_at=None).update(deleted_at=timezone.now())


def expire_files(now: datetime) -> int:
    """Remove the stored objects of files whose days are over, recorded, and finish deletions that were cut short. How many."""
    ended = list(File.objects.filter(deleted_at=None, expires_at__lte=now).select_related("organization").order_by("pk"))
    with bound_contextvars(actor=SYSTEM):
        for file in ended:
            _note_expiry(file)
            end(file)
    return len(ended)


@transaction.atomic
def _note_expiry(file: File) -> None:
    """Once, before the bytes go: what was cut short after this is not recorded again."""
    if File.objects.filter(pk=file.pk, removal="").update(removal=File.Removal.EXPIRED):
        record("file.expire", file, organization=file.organization, user=None, before=values_of(file, FILE))
