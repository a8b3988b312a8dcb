"""What the OAuth toolkit asks before it grants, and what it writes when it does.

Invariant: a code or token speaks for `request.access`, which every grant sets from the database right before: the user is an
active member of the organization now. oauthlib's request also shows what the client sent as attributes; so nothing here trusts
an attribute that was not set here.
"""

from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from django.utils import timezone
from oauth2_provider.oauth2_validators import OAuth2Validator
from oauth2_provider.settings import oauth2_settings

from accounts.models import AccessToken, Application, Grant, Organization, RefreshToken, User
from accounts.oauth.people import access_by_tenant, split_name
from accounts.services import sessions, tokens
from accounts.services.access import Access, access_to
from accounts.services.audit import record

OAuthRequest = Any  # oauthlib's, which has no types


class Validator(OAuth2Validator):
    # --- May this client do that? ---
    def is_pkce_required(self, client_id: str, request: OAuthRequest) -> bool:
        """Clients with a secret may do without: those that exist do."""
        return bool(Application.objects.get(client_id=client_id).client_type == Application.CLIENT_PUBLIC)

    def validate_grant_type(
        self, client_id: str, grant_type: str, client: Application, request: OAuthRequest, *args: Any, **kwargs: Any
    ) -> bool:
        """The toolkit's own rule knows no password grant (RFC 9700); here an administrator's mark brings it back."""
        if grant_type == "password":
            return client.allows_password_grant
        if not super().validate_grant_type(client_id, grant_type, client, request, *args, **kwargs):
            return False
        if grant_type == "client_credentials":
            return client.user is not None and client.organization is not None and _acts(request, client.user, client.organization)
        return True

    # --- For whom? ---
    def validate_code(self, client_id: str, code: str, client: Application, request: OAuthRequest, *args: Any, **kwargs: Any) -> bool:
        grant = Grant.objects.select_related("user", "organization").filter(code=code, application=client).first()
        if grant is None or not super().validate_code(client_id, code, client, request, *args, **kwargs):
            return False
        return _acts(request, grant.user, grant.organization)

    def validate_refresh_token(self, refresh_token: str, client: Application, request: OAuthRequest, *args: Any, **kwargs: Any) -> bool:
        if not super().validate_refresh_token(refresh_token, client, request, *args, **kwargs):
            return False
        return _acts(request, request.user, request.refresh_token_instance.organization)

    def validate_user(self, username: str, password: str, client: Application, request: OAuthRequest, *args: Any, **kwargs: Any) -> bool:
        """`username` may be `tenant\\name`."""
        tenant, name = split_name(username)
        proved = super().validate_user(name, password, client, request, *args, **kwargs)
        request.access = access_by_tenant(request.user, tenant, client) if proved else None
        if request.access is None:
            sessions.note_failure(name)
            return False
        record(
            "user.sign-in", request.user, organization=request.access.organization, user=request.user, after={"application": str(client)}
        )
        return True

    # --- What is written ---
    def _create_authorization_code(self, request: OAuthRequest, code: dict[str, str], expires: datetime | None = None) -> Grant:
        access = _access(request)
        lifetime = timedelta(seconds=oauth2_settings.AUTHORIZATION_CODE_EXPIRE_SECONDS)
        return Grant.objects.create(
            application=request.client,
            user=access.user,
            organization=access.organization,
            code=code["code"],
            expires=expires or timezone.now() + lifetime,
            redirect_uri=request.redirect_uri,
            scope=" ".join(request.scopes),
            code_challenge=request.code_challenge or "",
            code_challenge_method=request.code_challenge_method or "",
        )

    def _create_access_token(
        self, expires: datetime, request: OAuthRequest, token: dict[str, str], source_refresh_token: RefreshToken | None = None
    ) -> AccessToken:
        access = _access(request)
        row = AccessToken(
            user=access.user,
            organization=access.organization,
            application=request.client,
            source_refresh_token=source_refresh_token,
            scope=token["scope"],
            expires=expires,
        )
        self._set_token_value(row, token["access_token"])
        row.save()
        request.issued = row
        return row

    def _create_refresh_token(
        self, request: OAuthRequest, refresh_token_code: str, access_token: AccessToken, previous_refresh_token: RefreshToken | None
    ) -> RefreshToken:
        row = RefreshToken(
            user=access_token.user,
            organization=access_token.organization,
            application=request.client,
            access_token=access_token,
            token_family=previous_refresh_token.token_family if previous_refresh_token else uuid4(),
        )
        self._set_token_value(row, refresh_token_code)
        row.save()
        return row

    def _save_bearer_token(self, token: dict[str, str], request: OAuthRequest, *args: Any, **kwargs: Any) -> None:
        """Within the toolkit's transaction; the audit trail comes last, as it asks."""
        super()._save_bearer_token(token, request, *args, **kwargs)
        access = _access(request)
        after = {**tokens.described(request.issued), "grant": request.grant_type}
        record("access-token.issue", request.issued, organization=access.organization, user=access.user, after=after)

    def _check_and_set_request_resource(self, request: OAuthRequest) -> None:
        """Resource indicators (RFC 8707) mean nothing here, like every parameter that OAuth's servers do not know."""
        request.resource = []


def _acts(request: OAuthRequest, user: User, organization: Organization) -> bool:
    """Whether the user may act for the organization now. Notes it for what is written."""
    request.access = access_to(user, organization)
    return request.access is not None


def _access(request: OAuthRequest) -> Access:
    assert isinstance(request.access, Access), "a grant is written for an access that was looked up"
    return request.access
