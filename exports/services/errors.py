"""Expected failures of services, in sentences for the user. Faces render them in their own dialect."""

import traceback


class ServiceError(Exception):
    """Something that the caller can mend. The text is one sentence."""


class Invalid(ServiceError):
    """The input is wrong: `errors` maps each field's path (`schedulerParam.cron`) to what is wrong and what would be right."""

    def __init__(self, errors: dict[str, str]) -> None:
        super().__init__(" ".join(errors.values()))
        self.errors = errors


class NotFound(ServiceError):
    """There is no such thing in the caller's organization."""


class Conflict(ServiceError):
    """The thing is there, but its state forbids what was asked."""


def scrubbed(error: BaseException) -> str:
    """Where it happened, without messages or values, which may hold rows or secrets."""
    frames = traceback.extract_tb(error.__traceback__)
    lines = [f"{frame.filename.rpartition('/')[2]}:{frame.lineno} in {frame.name}" for frame in frames]
    return "\n".join([*lines, type(error).__name__])
