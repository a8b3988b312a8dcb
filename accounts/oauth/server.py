"""Which grants there are: authorization code, refresh token, client credentials, and for marked applications the password."""

from collections.abc import Callable
from typing import Any

from oauthlib.oauth2 import AuthorizationEndpoint, RequestValidator, TokenEndpoint
from oauthlib.oauth2.rfc6749 import grant_types
from oauthlib.oauth2.rfc6749.grant_types.authorization_code import code_challenge_method_s256
from oauthlib.oauth2.rfc6749.tokens import BearerToken


class CodeGrant(grant_types.AuthorizationCodeGrant):  # type: ignore[misc]  # published without types
    """PKCE by S256 only: whoever sees a plain challenge knows the verifier."""

    _code_challenge_methods = {"S256": code_challenge_method_s256}


class Server(AuthorizationEndpoint, TokenEndpoint):  # type: ignore[misc]  # published without types
    """No implicit grant, so `response_type=token` is one that is not supported; no device grant either."""

    def __init__(
        self,
        validator: RequestValidator,
        token_expires_in: int | None = None,
        token_generator: Callable[[Any], str] | None = None,
        refresh_token_generator: Callable[[Any], str] | None = None,
        **unused: object,  # the toolkit's settings of grants that are not here
    ) -> None:
        self.request_validator = validator
        bearer = BearerToken(validator, token_generator, token_expires_in, refresh_token_generator)
        code = CodeGrant(validator)
        AuthorizationEndpoint.__init__(self, default_response_type="code", default_token_type=bearer, response_types={"code": code})
        TokenEndpoint.__init__(
            self,
            default_grant_type="authorization_code",
            default_token_type=bearer,
            grant_types={
                "authorization_code": code,
                "refresh_token": grant_types.RefreshTokenGrant(validator),
                "client_credentials": grant_types.ClientCredentialsGrant(validator),
                "password": grant_types.ResourceOwnerPasswordCredentialsGrant(validator),
            },
        )
