"""The shapes of this face. Names are the document's."""

# ruff: noqa: N815 the names are the API's

from typing import Any

from rest_framework import serializers

from accounts.api.dialect import Text


class ResponseStatus(serializers.Serializer[Any]):
    code = serializers.IntegerField(help_text="0 is success; a failure's is its HTTP status.")
    message = serializers.CharField()
    detail = serializers.DictField()


class ErrorResponse(serializers.Serializer[Any]):
    status = ResponseStatus()


class KeyRefused(serializers.Serializer[Any]):
    """What is said of an API key that is not valid."""

    message = serializers.CharField()


class ApiResponse(serializers.Serializer[Any]):
    data = serializers.DictField()  # type: ignore[assignment]  # the document's names, which DRF uses too
    errors = ErrorResponse(many=True)  # type: ignore[assignment]  # DRF's own attribute of that name
    path = serializers.CharField()
    status = ResponseStatus()


class OAuthFailure(serializers.Serializer[Any]):
    error = serializers.CharField()
    error_description = serializers.CharField(required=False)


class TokenRequest(serializers.Serializer[Any]):
    grant_type = serializers.ChoiceField(["authorization_code", "refresh_token", "client_credentials", "password"])
    client_id = serializers.CharField(required=False, help_text="Of a public client; others prove themselves by HTTP Basic.")
    code = serializers.CharField(required=False)
    redirect_uri = serializers.CharField(required=False, help_text="With a code: the one that the code was sent to.")
    code_verifier = serializers.CharField(required=False, help_text="With a code that was asked for with PKCE.")
    refresh_token = serializers.CharField(required=False)
    username = serializers.CharField(required=False, help_text="`name` or `tenant\\name`, with grant_type=password.")
    password = serializers.CharField(required=False)
    scope = serializers.CharField(required=False, help_text="Only `*`.")


class DefaultOAuth2AccessToken(serializers.Serializer[Any]):
    access_token = serializers.CharField()
    expires_in = serializers.IntegerField(help_text="Seconds.")
    refresh_token = serializers.CharField(required=False, help_text="Not with client credentials.")
    scope = serializers.CharField(help_text="Always `*`.")
    token_type = serializers.CharField(help_text="Always `bearer`.")


class AuthorizeQuery(serializers.Serializer[Any]):
    client_id = serializers.CharField()
    redirect_uri = serializers.CharField(help_text="Exactly as it is registered.")
    response_type = serializers.CharField(help_text="`code`. The implicit grant (`token`) is not supported.")
    hideTenant = serializers.BooleanField(default=False, help_text="Hide the tenant field of the sign-in form.")
    scope = serializers.CharField(required=False, help_text="Only `*`.")
    state = serializers.CharField(required=False)
    code_challenge = serializers.CharField(required=False, help_text="PKCE; required of public clients.")
    code_challenge_method = serializers.CharField(required=False, help_text="Only `S256`.")


class SignInForm(serializers.Serializer[Any]):
    step = serializers.ChoiceField(["sign-in", "allow", "deny", "switch"])
    tenant = serializers.CharField(required=False)
    username = serializers.CharField(required=False)
    password = serializers.CharField(required=False)


class UserRole(serializers.Serializer[Any]):
    name = serializers.CharField()
    privileges = serializers.ListField(child=serializers.CharField())


class CloudUserDetails(serializers.Serializer[Any]):
    authorities = UserRole(many=True, help_text="The user's roles in the organization that the token speaks for.")
    cmeUserName = serializers.CharField()
    contactCenterId = serializers.CharField(help_text="Id of the organization.")
    dbid = serializers.IntegerField(help_text="Id of the user.")
    environmentId = serializers.CharField(help_text="Key of the organization.")
    loginName = serializers.CharField()
    properties = serializers.DictField(child=serializers.CharField())
    username = serializers.CharField()


class OpenIdUserInfo(serializers.Serializer[Any]):
    aud = serializers.CharField(help_text="client_id of the application that the token was issued to; empty if it was issued by hand.")
    authorities = UserRole(many=True)
    contact_center_id = serializers.CharField()
    dbid = serializers.IntegerField()
    email = serializers.CharField()
    environment_id = serializers.CharField()
    family_name = serializers.CharField()
    given_name = serializers.CharField()
    properties = serializers.DictField(child=serializers.CharField())
    sub = serializers.CharField(help_text="Id of the user.")
    user_name = serializers.CharField()


class ChangePasswordOperation(serializers.Serializer[Any]):
    newPassword = Text(trim_whitespace=False, max_length=4096)
    oldPassword = Text(trim_whitespace=False, max_length=4096)
    userName = Text(required=False, help_text="Needed without a token; `name` or `tenant\\name`.")


class ChangePasswordRequest(serializers.Serializer[Any]):
    data = ChangePasswordOperation()  # type: ignore[assignment]  # DRF's own attribute of that name
    operationId = Text(required=False, max_length=200, help_text="Comes back in `data`.")


class SignOutQuery(serializers.Serializer[Any]):
    globalSignOut = serializers.BooleanField(default=False, help_text="End all tokens of the user, not only this one.")

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        """`global` is a word of Python's, so it cannot be declared above."""
        fields = super().get_fields()
        return {"global": fields.pop("globalSignOut"), **fields}


class BrowserSignOutQuery(SignOutQuery):
    redirectUri = serializers.CharField(
        required=False, help_text="Where to redirect afterwards: exactly one of the sign-out URIs of the token's application."
    )


class JsonWebKeySet(serializers.Serializer[Any]):
    keys = serializers.ListField(child=serializers.DictField(child=serializers.CharField()))
