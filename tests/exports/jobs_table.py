"""What each action makes of a job in each state: data, which the tests try cell by cell and docs/udm.md shows.

A cell names the job's status afterwards and that of its latest run, `refused` (400 in the API; nothing changes) or `unknown` (404).
"""

ACTIONS = ("suspend", "resume", "cancel", "put", "delete", "clone", "run now")

# "… ahead" has a cron schedule whose next slot is to come; "… alone" was to start once, at its creation, and has nothing ahead.
TABLE = {
    "Scheduled": (*("Suspended", "refused", "Cancelled", "Scheduled", "gone", "copy Suspended", "Pending, run Pending"),),
    "Pending, slots ahead": (
        *("Suspended, run Pending", "refused", "Scheduled, run Cancelled", "Scheduled", "gone, run Cancelled", "copy Suspended", "refused"),
    ),
    "InProgress, slots ahead": (
        *("Suspended, run InProgress", "refused", "Scheduled, run Cancelled", "refused", "refused", "copy Suspended", "refused"),
    ),
    "Suspended": (*("refused", "Scheduled", "Cancelled", "Scheduled", "gone", "copy Suspended", "Suspended, run Pending"),),
    "Suspended before its only start": (
        *("refused", "Pending, run Pending", "Cancelled", "Scheduled", "gone", "copy Suspended", "Suspended, run Pending"),
    ),
    "Suspended, a run waits": (
        *("refused", "Pending, run Pending", "Suspended, run Cancelled", "Scheduled", "gone, run Cancelled", "copy Suspended", "refused"),
    ),
    "Suspended, a run goes on": (
        *("refused", "InProgress, run InProgress", "Suspended, run Cancelled", "refused", "refused", "copy Suspended", "refused"),
    ),
    "Suspended, its last run failed": (
        *(
            "refused",
            "Scheduled, run Failed",
            "Cancelled, run Failed",
            "refused",
            "gone, run Failed",
            "copy Suspended",
            "Suspended, run Pending",
        ),
    ),
    "Scheduled, its last run completed": (
        *("Suspended, run Completed", "refused", "Cancelled, run Completed", "refused", "gone, run Completed", "copy Suspended"),
        "Pending, run Pending",
    ),
    "Pending, nothing ahead": (
        *("refused", "refused", "Cancelled, run Cancelled", "Scheduled", "gone, run Cancelled", "copy Suspended", "refused"),
    ),
    "InProgress, nothing ahead": (*("refused", "refused", "Cancelled, run Cancelled", "refused", "refused", "copy Suspended", "refused"),),
    "Completed": (*("refused", "refused", "refused", "refused", "gone, run Completed", "copy Suspended", "Pending, run Pending"),),
    "Failed": (*("refused", "refused", "refused", "refused", "gone, run Failed", "copy Suspended", "Pending, run Pending"),),
    "Cancelled, the schedule": (*("refused", "refused", "refused", "refused", "gone", "copy Suspended", "refused"),),
    "Cancelled, the only run": (
        *("refused", "refused", "refused", "refused", "gone, run Cancelled", "copy Suspended", "Pending, run Pending"),
    ),
    "deleted": ("unknown",) * 7,
}


def markdown() -> str:
    rows = [("the job is", *ACTIONS), ("---",) * 8, *((state, *cells) for state, cells in TABLE.items())]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)
