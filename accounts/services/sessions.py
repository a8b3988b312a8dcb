"""What the audit trail says of sign-ins and passwords: in the trail of the organization that the user joined first."""

from accounts.models import User
from accounts.services.audit import record

UNKNOWN = "somebody unknown"


def note(action: str, user: User) -> None:
    """The user did it to their own account."""
    record(action, user, organization=user.default_organization(), user=user)


def note_failure(username: str, action: str = "user.sign-in-failed") -> None:
    """Somebody tried to sign in as `username`. Of a name that nobody has nothing is kept: it may be a password in the wrong field."""
    user = User.objects.filter(username=username).first()
    record(action, user or UNKNOWN, organization=user.default_organization() if user else None, user=None)
