"""The display texts of the values that faces and pages speak in, by vocabulary."""

from django.db.models import TextChoices

from accounts.services.access import Access
from exports.formats import LABELS as FORMATS
from exports.models import Certificate, Job
from exports.services import visible
from exports.services.definitions import data_types, sources
from exports.services.runs import Status

STATUSES = {status.value: "In progress" if status is Status.IN_PROGRESS else status.value for status in Status}
SCHEDULE_TYPES = {"immediately": "At once", "once": "Once, at a moment", "cron": "Again and again, by cron"}


def job_statuses(access: Access) -> dict[str, str]:
    """Label by value. Raises Denied."""
    visible.check(access)
    return STATUSES


def labels(access: Access) -> dict[str, dict[str, str]]:
    """Label by value, in each vocabulary. Sources, types and sub-types are those that `access` sees. Raises Denied."""
    datasets = list(data_types(access))
    return {
        "jobStatuses": job_statuses(access),
        "jobTypes": _labels(Job.Kind),
        "scheduleTypes": SCHEDULE_TYPES,
        "misfirePolicies": _labels(Job.Misfire),
        "fileFormats": FORMATS,
        "sealingProfiles": _labels(Certificate.Profile),
        "sources": {source.key: source.name for source in sources(access)},
        "types": {dataset.name: dataset.name for dataset in datasets},
        "subTypes": {name: sub_type_label(name) for dataset in datasets for name in dataset.subtypes},
    }


def sub_type_label(name: str) -> str:
    """A sub-type is what a column holds: only its first letter can be made nicer."""
    return name[:1].upper() + name[1:]


def _labels(choices: type[TextChoices]) -> dict[str, str]:
    return {value: f"{label[:1].upper()}{label[1:]}" for value, label in choices.choices}
