"""The rows of OAuth 2: the applications, and the bearer tokens that every face knows.

They are django-oauth-toolkit's models, each with the organization that it speaks for: the one that was chosen at sign-in.
Of a token or code only the SHA-256 is stored (the toolkit's COMPLIANT_BCP_RFC9700_TOKEN_STORAGE, and DigestField).
"""

import secrets
from collections.abc import Iterator
from datetime import timedelta
from typing import Self

from django.core.exceptions import ValidationError
from django.db import models
from django.utils import timezone
from oauth2_provider.models import (
    AbstractAccessToken,
    AbstractApplication,
    AbstractGrant,
    AbstractIDToken,
    AbstractRefreshToken,
    revoke_access_token,
    set_token_value,
)
from oauth2_provider.settings import oauth2_settings
from oauth2_provider.validators import AllowedURIValidator

from accounts.models.organization import Organization, User
from accounts.secrets import DigestField, digest


class Application(AbstractApplication):
    """A client: software that asks for tokens, as an administrator registered it."""

    organization = models.ForeignKey(
        Organization,
        on_delete=models.CASCADE,
        null=True,
        blank=True,
        help_text="Whose members may sign in through it. Empty: those of every organization.",
    )
    allows_password_grant = models.BooleanField(
        default=False,
        help_text="Legacy: it may send a user's name and password to the token endpoint, so it sees them. "
        "For clients that cannot open the sign-in form.",
    )

    def clean(self) -> None:
        """Raises ValidationError; besides the toolkit's own rules, a grant needs what it stands on."""
        super().clean()
        errors = {field: sentence for field, sentence in self._problems() if sentence}
        if errors:
            raise ValidationError(errors)

    def _problems(self) -> Iterator[tuple[str, str]]:
        """(field, what is wrong with it or nothing)"""
        if self.authorization_grant_type == self.GRANT_CLIENT_CREDENTIALS:
            if self.client_type != self.CLIENT_CONFIDENTIAL:
                yield "client_type", "Client credentials need a confidential client: a public one has nothing to prove itself with."
            if self.organization is None or self.user is None or not self.user.organizations.contains(self.organization):
                yield "user", "Client credentials act as a user: name one, and an organization that they belong to."
        if self.authorization_grant_type == self.GRANT_PASSWORD and not self.allows_password_grant:
            yield "allows_password_grant", "An application that only uses the password grant must be allowed to."
        yield "post_logout_redirect_uris", self._wrong_sign_out_uris()

    def _wrong_sign_out_uris(self) -> str:
        check = AllowedURIValidator(oauth2_settings.ALLOWED_REDIRECT_URI_SCHEMES, name="sign-out", allow_path=True, allow_query=True)
        try:
            for uri in self.post_logout_redirect_uris.split():
                check(uri)
        except ValidationError as error:
            return " ".join(error.messages)
        return ""

    def allows_grant_type(self, *grant_types: str) -> bool:
        """The toolkit's question. The password grant hangs on the mark alone."""
        others = [kind for kind in grant_types if kind != self.GRANT_PASSWORD]
        return self.authorization_grant_type in others or (self.GRANT_PASSWORD in grant_types and self.allows_password_grant)

    @classmethod
    def named(cls, client_id: str) -> "Application":
        """Raises Application.DoesNotExist."""
        return cls._default_manager.select_related("organization").get(client_id=client_id)

    def serves(self, organization: Organization) -> bool:
        return self.organization_id in {None, organization.pk}


class Grant(AbstractGrant):
    """An authorization code: good once, for a minute."""

    code = DigestField(max_length=64, unique=True)
    organization = models.ForeignKey(Organization, on_delete=models.CASCADE)


class AccessToken(AbstractAccessToken):
    """A bearer token: `Authorization: Bearer …`. It speaks for a user in one organization, until `expires`; revoking deletes it."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="access_tokens")
    organization = models.ForeignKey(Organization, on_delete=models.CASCADE)
    name = models.CharField(max_length=100, blank=True, help_text="What a token that was issued by hand is for.")
    last_used_at = models.DateTimeField(null=True, blank=True, editable=False)

    def __str__(self) -> str:
        return f"Token {self.pk} of {self.user}"

    @classmethod
    def issue(cls, user: User, organization: Organization, *, lifetime: timedelta, name: str = "") -> tuple[Self, str]:
        """Make one without an application. The second value is the token itself: it is not kept and cannot be shown again."""
        token = secrets.token_urlsafe(32)
        row = cls(user=user, organization=organization, name=name, scope="*", expires=timezone.now() + lifetime)
        set_token_value(row, token)
        row.save()
        return row, token

    @classmethod
    def find(cls, token: str) -> "AccessToken | None":
        """The row of a token that has not expired, or None. Whether its user still belongs there is for `access_to` to say."""
        rows = cls._default_manager.select_related("user", "organization", "application")
        return rows.filter(token_checksum=digest(token), expires__gt=timezone.now()).first()

    def mark_used(self) -> None:
        AccessToken.objects.filter(pk=self.pk).update(last_used_at=timezone.now())

    def end(self) -> None:
        """Revoke it, and the refresh token that came with it."""
        revoke_access_token(self)


class RefreshToken(AbstractRefreshToken):
    """Buys one new pair of tokens. Used twice, all tokens that came from the same sign-in end."""

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE)


class IDToken(AbstractIDToken):
    """The toolkit's access token refers to it; Strongroom issues none."""
