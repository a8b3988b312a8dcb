"""What a newcomer may send first."""

from drf_spectacular.utils import OpenApiExample

from exports.api.udm.version import Version

_NOW = {
    "source": "contact-history",
    "type": "UCS",
    "title": "All chats",
    "timeFrame": {"all": True},
    "schedulerParam": {"immediately": True},
    "jobParams": {"type": "Interaction", "media": ["chat"]},
    "suspended": False,
}
_NIGHTLY = {
    **_NOW,
    "title": "Every night",
    "timeFrame": {"dateFrom": "2026-11-01T00:00:00Z", "dateTo": "2026-12-01T00:00:00Z"},
    "schedulerParam": {"cron": "30 3 * * *", "timezone": "Europe/Berlin", "startDate": "2026-11-23"},
    "jobParams": {"type": "Interaction", "media": [], "fileSplitSize": "64MB"},
}


def job_examples(version: Version) -> tuple[OpenApiExample, ...]:
    known = version.job_create().fields
    return tuple(
        OpenApiExample(title, value={name: value for name, value in job.items() if name in known}, request_only=True)
        for title, job in {"At once": _NOW, "Every night at half past three": _NIGHTLY}.items()
    )
