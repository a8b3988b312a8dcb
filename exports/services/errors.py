"""Expected failures of services, in sentences for the user. Faces render them in their own dialect."""


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
