"""The shapes of all versions: what clients send, and what they get. A version adds what only its own document has."""

# ruff: noqa: N815 the documents' names are in camel case

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar

from rest_framework import serializers

from accounts.api.dialect import StrictSerializer, Text
from exports.api.udm.fields import Moment, TextOrNumber, TrueFalse
from exports.formats import DEFAULT
from exports.models import Certificate, File, Job, Run
from exports.services.definitions import JobDefinition
from exports.services.errors import Invalid
from exports.services.filters import condition_from
from exports.services.jobs import status_beside
from exports.services.runs import Outcome, Status, current_runs, outcomes, run_status
from exports.sources.conditions import Kind, Operator

_AT_ONCE = 1000
"""So many rows are looked up in one query: databases bound how many ids one may name."""


# --- A job, as clients send it -------------------------------------------------------------------------------------
class TimeFrame(StrictSerializer):
    all = TrueFalse(required=False, default=False)
    dateFrom = Moment(help_text="First moment that is exported.")
    dateTo = Moment(help_text="First moment that is not exported any more.")


class SchedulerParam(StrictSerializer):
    immediately = TrueFalse(required=False, default=False)
    cron = Text(required=False, allow_blank=True, allow_null=True, help_text="minute hour day-of-month month day-of-week.")
    runs = TextOrNumber(required=False, allow_blank=True, allow_null=True, help_text="How many times cron may start the job.")
    startDate = Moment(help_text="With cron: not before. Alone: once, then.")
    timezone = Text(required=False, allow_blank=True, allow_null=True, help_text="By which clock cron is read (IANA name); UTC.")


class UcsJobParams(StrictSerializer):
    fileSplitSize = TextOrNumber(required=False, allow_blank=True, allow_null=True, help_text="64MB, 1GB, a number of MB; 1MB to 1GB.")
    type = Text(help_text="Data type, from /data/types.")
    media = serializers.ListField(child=Text(), max_length=1000, help_text="Sub-types, from /data/sub-types; empty for all.")


class JobRequest(StrictSerializer):
    source = Text(help_text="From /data/sources.")  # type: ignore[assignment]  # DRF's own attribute of that name
    title = Text()
    timeFrame = TimeFrame()
    description = Text(required=False, allow_blank=True, allow_null=True)
    schedulerParam = SchedulerParam()
    jobParams: serializers.Serializer[Any] = UcsJobParams()
    suspended = TrueFalse()

    UNSAID: ClassVar[tuple[str, ...]] = ("filters", "format", "export_attachments", "misfire", "safety_lag", "overlap")
    """What of a JobDefinition this version has no words for."""

    def definition(self, former: JobDefinition | None = None) -> JobDefinition:
        """What the client asks for. What its version cannot say stays as in the `former` definition of the job. Raises Invalid."""
        made = self._said()
        if former is None:
            return made
        of_dataset = set() if (made.source, made.data_type) == (former.source, former.data_type) else {"filters", "export_attachments"}
        unkept = of_dataset | ({"misfire"} if made.immediately else set())  # a policy is for starts that are ahead
        kept = {name: getattr(former, name) for name in self.UNSAID if name not in unkept}
        return replace(made, **kept, kind=self.validated_data.get("type") or former.kind)

    def _said(self) -> JobDefinition:
        sent = self.validated_data
        frame, when, params = sent["timeFrame"], sent["schedulerParam"], sent["jobParams"]
        return JobDefinition(
            source=sent["source"],
            title=sent["title"],
            kind=sent.get("type") or Job.Kind.UCS,
            description=sent.get("description") or "",
            suspended=sent["suspended"],
            all_time=frame["all"],
            date_from=frame.get("dateFrom"),
            date_to=frame.get("dateTo"),
            immediately=when["immediately"],
            cron=when.get("cron") or "",
            timezone=when.get("timezone") or "",
            runs=_whole(when.get("runs") or "", "schedulerParam.runs"),
            start_date=when.get("startDate"),
            misfire=when.get("misfire") or Job.Misfire.ONCE.value,
            data_type=params["type"],
            media=tuple(params["media"]),
            filters=tuple(condition_from(each["attribute"], each["operator"], each.get("value")) for each in params.get("filters", [])),
            file_split_size=_split_size(sent, params),
            format=params.get("format") or DEFAULT,
            safety_lag=params.get("safetyLag"),
            overlap=params.get("overlap"),
            export_attachments=params.get("exportAttachments", False),
        )


def _whole(text: str, field: str) -> int | None:
    if not text:
        return None
    if not (text.isascii() and text.isdecimal() and len(text) < 10):
        raise Invalid({field: f"{field} must be a whole number; leave it out for no limit."})
    return int(text)


def _split_size(sent: Mapping[str, Any], params: Mapping[str, Any]) -> str:
    """Version 4 names it in two places."""
    outer, inner = sent.get("fileSplitSize") or "", params.get("fileSplitSize") or ""
    if outer and inner and outer != inner:
        both = "fileSplitSize and jobParams.fileSplitSize differ: give one of them, or the same twice."
        raise Invalid({"fileSplitSize": both, "jobParams.fileSplitSize": both})
    return outer or inner


# --- A job or a run, as clients get it -----------------------------------------------------------------------------
class JobInfo(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    type = serializers.CharField()
    source = serializers.CharField()  # type: ignore[assignment]  # DRF's own attribute of that name
    title = serializers.CharField()
    fileSplitSize = serializers.CharField(allow_blank=True)
    fileName = serializers.CharField(allow_blank=True, help_text="Names of the files, separated by commas.")
    fileSize = serializers.IntegerField(help_text="Bytes of all files together.")
    status = serializers.ChoiceField(choices=list(Status))
    createdDate = serializers.DateTimeField()
    dateFrom = serializers.DateTimeField(allow_null=True)
    dateTo = serializers.DateTimeField(allow_null=True)
    description = serializers.CharField(allow_blank=True)
    media = serializers.ListField(child=serializers.CharField())
    progress = serializers.IntegerField(help_text="Per cent.")
    parentId = serializers.IntegerField(help_text="Of a history record: the job's id. Of a job: 0.")


def job_infos(jobs: Sequence[Job], shape: type[JobInfo]) -> list[Any]:
    """Each job; progress and files are those of its current or latest run."""
    return [info for start in range(0, len(jobs), _AT_ONCE) for info in _job_infos(jobs[start : start + _AT_ONCE], shape)]


def _job_infos(jobs: Sequence[Job], shape: type[JobInfo]) -> list[Any]:
    current = current_runs(jobs)
    brought = outcomes(current.values())
    rows = []
    for job in jobs:
        run = current.get(job.pk)
        seen = {"id": job.pk, "status": status_beside(job, run), "createdDate": job.created_at, "parentId": 0}
        rows.append(_info(job, brought[run.pk] if run else Outcome()) | seen)
    return list(shape(rows, many=True).data)


def run_infos(runs: Sequence[Run], shape: type[JobInfo]) -> list[Any]:
    """Each history record."""
    return [info for start in range(0, len(runs), _AT_ONCE) for info in _run_infos(runs[start : start + _AT_ONCE], shape)]


def _run_infos(runs: Sequence[Run], shape: type[JobInfo]) -> list[Any]:
    brought = outcomes(runs)
    rows = []
    for run in runs:
        seen = {"id": run.pk, "status": run_status(run), "createdDate": run.created_at, "parentId": run.job_id}
        rows.append(_info(run.job, brought[run.pk]) | seen)
    return list(shape(rows, many=True).data)


def _info(job: Job, outcome: Outcome) -> dict[str, Any]:
    return {
        "type": job.kind,
        "source": job.source.key,
        "title": job.title,
        "fileSplitSize": job.file_split_size,
        "fileName": ",".join(outcome.file_names),
        "fileSize": outcome.file_size,
        "dateFrom": job.date_from,
        "dateTo": job.date_to,
        "description": job.description,
        "media": job.media,
        "progress": outcome.progress,
        "exportAttachments": job.export_attachments,
        **({"filters": job.filters} if job.filters else {}),
        **{_GONE[reason]: count for reason, count in outcome.removed.items()},
        **({"watermark": job.watermark} if job.kind == Job.Kind.DATA_SYNC else {}),
    }


_GONE: dict[str, str] = {File.Removal.EXPIRED: "filesExpired", File.Removal.DELETED: "filesDeleted"}


class JobProgress(serializers.Serializer[Any]):
    progress = serializers.IntegerField(help_text="Per cent.")
    status = serializers.ChoiceField(choices=list(Status))


# --- Files, certificates, catalogue --------------------------------------------------------------------------------
class FileMetadata(serializers.ModelSerializer[File]):
    historyId = serializers.IntegerField(source="run_id")
    jobId = serializers.IntegerField(source="run.job_id")
    jobTitle = serializers.CharField(source="run.job.title")
    type = serializers.CharField(source="part.dataset.name")
    source = serializers.CharField(source="run.job.source.key")  # type: ignore[assignment]  # DRF's own attribute of that name
    createdDate = serializers.DateTimeField(source="created_at")
    expirationDate = serializers.DateTimeField(source="expires_at")
    contentType = serializers.CharField(source="profile", help_text="enveloped-data or authEnveloped-data.")
    recipients = serializers.ListField(
        child=serializers.CharField(), help_text="SHA-256 fingerprints of the certificates that can open it."
    )
    decryptCommand = serializers.CharField(source="decrypt_command")

    class Meta:
        model = File
        fields = [
            "name",
            "size",
            "sha256",
            "rows",
            "historyId",
            "jobId",
            "jobTitle",
            "type",
            "source",
            "createdDate",
            "expirationDate",
            "contentType",
            "recipients",
            "decryptCommand",
        ]
        read_only_fields = fields


class CertificateInfo(serializers.ModelSerializer[Certificate]):
    ccid = serializers.UUIDField(source="organization_id")
    size = serializers.SerializerMethodField(help_text="Bytes of the certificate in PEM form.")
    lastModified = serializers.DateTimeField(source="created_at")

    class Meta:
        model = Certificate
        fields = ["ccid", "name", "size", "lastModified"]
        read_only_fields = fields

    def get_size(self, certificate: Certificate) -> int:
        return len(certificate.pem.encode())


class CertificateUpload(StrictSerializer):
    file = serializers.FileField(
        help_text="X.509, PEM or DER; RSA of 2048 bits or more, better 3072, or P-256, P-384, P-521.", max_length=200
    )
    profile = serializers.ChoiceField(choices=Certificate.Profile.choices, required=False, help_text="How files are sealed for it.")


class PreSignedUri(serializers.Serializer[Any]):
    path = serializers.CharField()


class KeyValueItem(serializers.Serializer[Any]):
    label = serializers.CharField()  # type: ignore[assignment]  # DRF's own attribute of that name
    value = serializers.CharField()


class DataType(serializers.Serializer[Any]):
    name = serializers.CharField()
    source = serializers.CharField()  # type: ignore[assignment]  # DRF's own attribute of that name


class SubType(serializers.Serializer[Any]):
    name = serializers.CharField()
    displayName = serializers.CharField()
    source = serializers.CharField()  # type: ignore[assignment]  # DRF's own attribute of that name
    dataType = serializers.CharField()
    enabled = serializers.BooleanField()


class Attribute(serializers.Serializer[Any]):
    name = serializers.CharField()
    type = serializers.ChoiceField(choices=list(Kind))
    operators = serializers.ListField(child=serializers.ChoiceField(choices=list(Operator)))


class Entity(serializers.Serializer[Any]):
    entity = serializers.CharField(help_text="A type, from /data/types.")
    source = serializers.CharField()  # type: ignore[assignment]  # DRF's own attribute of that name
    attributes = Attribute(many=True)


class Labels(serializers.Serializer[Any]):
    jobStatuses = KeyValueItem(many=True)
    jobTypes = KeyValueItem(many=True)
    scheduleTypes = KeyValueItem(many=True)
    misfirePolicies = KeyValueItem(many=True)
    fileFormats = KeyValueItem(many=True)
    sealingProfiles = KeyValueItem(many=True)
    sources = KeyValueItem(many=True)
    types = KeyValueItem(many=True)
    subTypes = KeyValueItem(many=True)


class VersionInfo(serializers.Serializer[Any]):
    version = serializers.CharField()
    buildNumber = serializers.CharField()
    changeset = serializers.CharField()
    name = serializers.CharField()


class Failure(serializers.Serializer[Any]):
    message = serializers.CharField()
    errors = serializers.DictField(  # type: ignore[assignment]  # DRF's own attribute of that name
        child=serializers.CharField(), required=False, help_text="By the path of each wrong field: what would be right."
    )


def paged_shape(items: type[serializers.BaseSerializer[Any]], name: str) -> type[serializers.Serializer[Any]]:
    """The PagedResponse of such items, for the OpenAPI document."""
    fields: dict[str, Any] = {key: serializers.IntegerField() for key in ("count", "from", "size")}
    return type(name, (serializers.Serializer,), {**fields, "items": items(many=True)})


JobPage = paged_shape(JobInfo, "JobPage")
FilePage = paged_shape(FileMetadata, "FilePage")
