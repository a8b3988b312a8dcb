"""The forms of the console. They read what people type and hand it to one service; what the service refuses stands at its field."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

from django import forms

from accounts.services.access import Access
from exports.console.filter_rows import FilterRow, padded, place_errors, rows_from
from exports.formats import DEFAULT, LABELS
from exports.models import Certificate, Dataset, Job
from exports.services import certificates as certificate_services
from exports.services import jobs as job_services
from exports.services.definitions import JobDefinition, data_types
from exports.services.errors import Invalid, ServiceError
from exports.services.filters import CHOICES
from exports.services.schedule import check_cron
from exports.services.splitting import split_bytes
from exports.services.watermark import set_watermark

# What the API's paths in a refusal are called here.
FIELDS = {
    "source": "dataset",
    "jobParams.type": "dataset",
    "jobParams.exportAttachments": "export_attachments",
    "jobParams.fileSplitSize": "file_split_size",
    "jobParams.format": "format",
    "jobParams.safetyLag": "safety_lag",
    "jobParams.overlap": "overlap",
    "timeFrame": "time_frame",
    "timeFrame.all": "time_frame",
    "timeFrame.dateFrom": "date_from",
    "timeFrame.dateTo": "date_to",
    "schedulerParam": "schedule",
    "schedulerParam.cron": "cron",
    "schedulerParam.timezone": "timezone",
    "schedulerParam.startDate": "start_date",
    "schedulerParam.misfire": "misfire",
}


TIME_FRAMES = [("all", "all time"), ("between", "a time frame"), ("changes", "what changed since the last run")]
_NO_SYNC = "type DataSync is not possible: "


class MomentInput(forms.DateTimeInput):
    input_type = "datetime-local"

    def __init__(self) -> None:
        super().__init__(format="%Y-%m-%dT%H:%M")


class WallClockField(forms.DateTimeField):
    """A date and time as a clock shows it, without time zone: whoever reads the form says whose clock is meant."""

    widget = MomentInput

    def to_python(self, value: Any) -> datetime | None:
        moment = super().to_python(value)
        return moment.replace(tzinfo=None) if isinstance(moment, datetime) else None


class JobForm(forms.Form):
    """A new job of `access.user`. Datasets with sub-types bring a field each: `media_<dataset id>`."""

    title = forms.CharField(max_length=200)
    dataset = forms.ChoiceField(label="Dataset")
    export_attachments = forms.BooleanField(label="Export attachments too, in files of their own", required=False)
    time_frame = forms.ChoiceField(label="Rows of", choices=TIME_FRAMES, initial="all", widget=forms.RadioSelect)
    date_from = WallClockField(
        label="From (UTC)", required=False, help_text="The first moment that is exported; empty starts with the oldest row."
    )
    date_to = WallClockField(label="To (UTC)", required=False, help_text="The first moment that is not; empty ends with the newest row.")
    safety_lag = forms.IntegerField(
        label="Safety lag (minutes)",
        required=False,
        min_value=0,
        max_value=1440,
        help_text="The newest changes wait so long: transactions may end late. Empty is as the server is set.",
    )
    overlap = forms.IntegerField(
        label="Overlap (minutes)",
        required=False,
        min_value=0,
        max_value=10_080,
        help_text="So far back each run looks for changes that came even later. Empty is as the server is set.",
    )
    schedule = forms.ChoiceField(
        label="Start",
        choices=[("now", "now"), ("once", "once, at a time"), ("cron", "again and again")],
        initial="now",
        widget=forms.RadioSelect,
    )
    start_date = WallClockField(label="At", required=False, help_text="By the clock of the time zone.")
    cron = forms.CharField(
        label="Cron expression",
        max_length=100,
        required=False,
        initial="0 3 * * *",
        help_text="Minute, hour, day of month, month, day of week.",
    )
    timezone = forms.ChoiceField(label="Time zone", initial="UTC", choices=lambda: [(name, name) for name in sorted(available_timezones())])
    misfire = forms.ChoiceField(
        label="Of starts that were missed",
        choices=[("once", "the latest runs once"), ("none", "none runs"), ("all", "each runs")],
        initial="once",
        required=False,
        widget=forms.RadioSelect,
        help_text="When nothing could start in time, e.g. while the server was down. What did not run is in the history.",
    )
    file_split_size = forms.CharField(
        label="Split size", max_length=20, required=False, help_text="No file grows larger: 64MB, 1GB or a number of MB. Empty is 256MB."
    )
    format = forms.ChoiceField(label="File format", choices=list(LABELS.items()), initial=DEFAULT, required=False)
    description = forms.CharField(required=False, max_length=2000, widget=forms.Textarea(attrs={"rows": 3}))
    filter_operators = CHOICES

    def __init__(self, access: Access, data: Any = None) -> None:
        super().__init__(data, label_suffix="")
        self.access = access
        self.filter_rows = rows_from(data)
        self.datasets = {str(dataset.pk): dataset for dataset in data_types(access).order_by("source__name", "name")}
        self._dataset_field().choices = list(self._grouped())
        for dataset in self.datasets.values():
            if dataset.subtype_column:
                self.fields[f"media_{dataset.pk}"] = _subtype_field(dataset)

    def _dataset_field(self) -> forms.ChoiceField:
        field = self.fields["dataset"]
        assert isinstance(field, forms.ChoiceField)
        return field

    def _grouped(self) -> Iterator[tuple[str, list[tuple[str, str]]]]:
        groups: dict[str, list[tuple[str, str]]] = {}
        for pk, dataset in self.datasets.items():
            groups.setdefault(f"{dataset.source.name} ({dataset.source.key})", []).append((pk, dataset.name))
        yield from groups.items()

    def subtype_fields(self) -> list[tuple[Dataset, forms.BoundField]]:
        return [(dataset, self[f"media_{pk}"]) for pk, dataset in self.datasets.items() if dataset.subtype_column]

    def filter_lines(self) -> list[FilterRow]:
        return padded(self.filter_rows)

    def filter_errors(self) -> bool:
        return any(row.error for row in self.filter_rows)

    def clean_file_split_size(self) -> str:
        text = str(self.cleaned_data["file_split_size"]).strip()
        try:
            split_bytes(text)
        except Invalid:
            raise forms.ValidationError("Write 64MB, 1GB or a number of MB, from 1MB to 1GB; empty is 256MB.") from None
        return text

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        schedule = data.get("schedule")
        if data.get("time_frame") == "between" and not (data.get("date_from") or data.get("date_to") or self.errors):
            self.add_error("date_from", "Say from when, to when, or both.")
        if schedule == "once" and not data.get("start_date") and "start_date" not in self.errors:
            self.add_error("start_date", "Say when.")
        if schedule == "cron":
            self._check_cron(str(data.get("cron") or ""))
        first, end = data.get("date_from"), data.get("date_to")
        if data.get("time_frame") == "between" and first and end and first >= end:
            self.add_error("date_to", "The time frame ends before it begins.")
        return data

    def _check_cron(self, cron: str) -> None:
        try:
            check_cron(cron, "cron")
        except Invalid as error:
            self.add_error("cron", str(error))

    def create(self) -> Job | None:
        """The new job, or None when the service refused: then the form says why."""
        try:
            return job_services.create_job(self.access, self._definition())
        except Invalid as error:
            left = Invalid(place_errors(self.filter_rows, error.errors))
            if why := left.errors.pop("type", ""):
                self.add_error("time_frame", f"This cannot be told from the dataset: {why.removeprefix(_NO_SYNC)}")
            show(self, left, FIELDS | {"jobParams.media": f"media_{self.cleaned_data['dataset']}"})
        except ServiceError as error:
            self.add_error(None, str(error))
        return None

    def _definition(self) -> JobDefinition:
        data = self.cleaned_data
        dataset = self.datasets[data["dataset"]]
        framed, changes, schedule = data["time_frame"] == "between", data["time_frame"] == "changes", data["schedule"]
        since = _at(data["date_from"], "UTC") if framed or changes else None
        return JobDefinition(
            source=dataset.source.key,
            title=data["title"],
            data_type=dataset.name,
            media=_subtypes(data.get(f"media_{dataset.pk}")),
            filters=tuple(row.condition for row in self.filter_rows),
            description=data["description"],
            kind=Job.Kind.DATA_SYNC.value if changes else Job.Kind.UCS.value,
            safety_lag=_seconds(data["safety_lag"]) if changes else None,
            overlap=_seconds(data["overlap"]) if changes else None,
            all_time=not framed and since is None,
            date_from=since,
            date_to=_at(data["date_to"], "UTC") if framed else None,
            immediately=schedule == "now",
            cron=data["cron"] if schedule == "cron" else "",
            timezone=data["timezone"] if schedule == "cron" else "",
            start_date=_at(data["start_date"], data["timezone"]) if schedule == "once" else None,
            misfire=data["misfire"] if data["misfire"] and schedule != "now" else Job.Misfire.ONCE.value,
            file_split_size=data["file_split_size"],
            format=data["format"] or DEFAULT,
            export_attachments=data["export_attachments"],
        )


def _seconds(minutes: int | None) -> int | None:
    return None if minutes is None else minutes * 60


def _at(wall_clock: datetime | None, zone: str) -> datetime | None:
    return wall_clock.replace(tzinfo=ZoneInfo(zone)).astimezone(UTC) if wall_clock else None


def _subtypes(given: list[str] | str | None) -> tuple[str, ...]:
    words = given.split(",") if isinstance(given, str) else given or []
    return tuple(word.strip() for word in words if word.strip())


def _subtype_field(dataset: Dataset) -> forms.Field:
    label = f"Sub-types of {dataset.name}"
    if dataset.subtypes:
        choices = [(name, name) for name in dataset.subtypes]
        return forms.MultipleChoiceField(
            label=label, choices=choices, required=False, widget=forms.CheckboxSelectMultiple, help_text="None ticked exports all."
        )
    return forms.CharField(label=label, required=False, max_length=1000, help_text="Separated by commas; empty exports all.")


class WatermarkForm(forms.Form):
    watermark = WallClockField(label="From (UTC)", required=False, help_text="Empty: from the beginning.")

    def __init__(self, job: Job, data: Any = None) -> None:
        initial = job.watermark.replace(tzinfo=None) if job.watermark else None
        super().__init__(data, label_suffix="", initial={"watermark": initial})
        self.job = job

    def move(self, access: Access) -> bool:
        """False when the service refused: then the form says why."""
        try:
            set_watermark(access, self.job, _at(self.cleaned_data["watermark"], "UTC"))
        except Invalid as error:
            show(self, error, {})
            return False
        except ServiceError as error:
            self.add_error(None, str(error))
            return False
        return True


class CertificateForm(forms.Form):
    """What it takes to trust a certificate. A private key, an expired one and the like are refused by the service."""

    file = forms.FileField(
        label="Certificate file",
        help_text="X.509, PEM or DER, with an RSA key (3072 bits or more are recommended) or one of P-256, P-384, P-521.",
    )
    name = forms.CharField(max_length=200, required=False, help_text="Whose it is. Empty takes the file's name.")
    profile = forms.ChoiceField(label="Sealing profile", choices=Certificate.Profile.choices, initial=Certificate.Profile.STANDARD)

    def __init__(self, data: Any = None, files: Any = None) -> None:
        super().__init__(data, files, label_suffix="")

    def upload(self, access: Access) -> Certificate | None:
        """The new certificate, one more beside those that are there, or None when the service refused: then the form says why."""
        data = self.cleaned_data
        name = data["name"] or data["file"].name
        first = certificate_services.primary(access) is None
        try:
            content = data["file"].read(certificate_services.HIGHEST_BYTES + 1)
            return certificate_services.upload(access, name, content, profile=data["profile"], primary=first)
        except Invalid as error:
            show(self, error, {"certificatefilename": "name"})
        return None


def show(form: forms.Form, error: Invalid, names: dict[str, str]) -> None:
    """Put what a service refused at the fields of the form; `names` maps the service's words to the form's."""
    for path, sentence in error.errors.items():
        name = names.get(path, path)
        if name in form.fields:
            form.add_error(name, sentence.replace(path, f"“{form.fields[name].label or name.capitalize()}”"))
        else:
            form.add_error(None, sentence)
