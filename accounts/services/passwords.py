"""Changing a password: what it needs, and what ends with it."""

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import transaction

from accounts.models import AccessToken, Organization, User
from accounts.services import tokens
from accounts.services.audit import record


class WeakPassword(Exception):
    """The new password is refused. `sentences` say why."""

    def __init__(self, sentences: list[str]) -> None:
        super().__init__(" ".join(sentences))
        self.sentences = sentences


@transaction.atomic
def change(user: User, new: str, *, organization: Organization | None, keep: AccessToken | None = None) -> None:
    """Give the user, who has proved the old password, a new one. Every session and every token but `keep` ends. Raises WeakPassword.

    Sessions end by themselves: they hold a hash of the password.
    """
    try:
        validate_password(new, user)
    except ValidationError as error:
        raise WeakPassword(error.messages) from None
    user.set_password(new)
    user.save(update_fields=["password"])
    tokens.revoke_all(user, but=keep)
    record("user.change-password", user, organization=organization, user=user)
