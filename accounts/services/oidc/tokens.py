"""What a provider's token must hold before anything in it is believed.

OpenID Connect Core 1.0, 3.1.3.7 for ID tokens; RFC 9068, section 4, for access tokens. mozilla-django-oidc 5.0 checks signature,
algorithm, expiry and nonce only; issuer, audience, authorized party and the presence of each claim are checked here.
"""

import secrets
import time
from collections.abc import Mapping
from typing import Any

import jwt

from accounts.services.oidc.errors import ProviderDown, Refused
from accounts.services.oidc.provider import Provider

Claims = Mapping[str, Any]

LEEWAY = 60
"""Seconds by which the provider's clock may differ from ours."""
FRESH = 600
"""Seconds after which an ID token is too old to sign in with: it comes straight from the provider."""
_ID_TOKEN_TYPES = (None, "JWT")
_ACCESS_TOKEN_TYPES = (None, "JWT", "at+jwt", "application/at+jwt")
# The first that fits speaks; PyJWT's errors are a hierarchy, so the particular ones stand first.
_SENTENCES: tuple[tuple[type[Exception], str], ...] = (
    (jwt.ExpiredSignatureError, "has expired"),
    (jwt.ImmatureSignatureError, "is not valid yet; the clocks may differ"),
    (jwt.InvalidIssuerError, "comes from another issuer"),
    (jwt.InvalidAudienceError, "was made for somebody else"),
    (jwt.MissingRequiredClaimError, "lacks a claim that it must have"),
    (jwt.InvalidSignatureError, "has a signature that is not the provider's"),
    (jwt.InvalidAlgorithmError, "is signed with a key of another kind"),
    (jwt.PyJWKClientError, "is signed with a key that the provider does not publish"),
    (jwt.PyJWTError, "cannot be read"),
)


def id_token_claims(provider: Provider, token: object, nonce: str) -> Claims:
    """The claims of an ID token that answers our request with `nonce`. Raises Refused or ProviderDown."""
    client_id = provider.options.client_id
    claims = _verified(provider, token, "ID token", client_id, _ID_TOKEN_TYPES)
    if not secrets.compare_digest(str(claims.get("nonce")).encode(), nonce.encode()):
        raise Refused("The ID token does not belong to this sign-in: its nonce differs.")
    several = isinstance(claims["aud"], list) and len(claims["aud"]) > 1
    if claims.get("azp", None if several else client_id) != client_id:
        raise Refused("The ID token was made for somebody else.")
    if int(claims["iat"]) < time.time() - FRESH - LEEWAY:
        raise Refused("The ID token is too old.")
    return claims


def access_token_claims(provider: Provider, token: str) -> Claims:
    """The claims of a JWT access token for our API. Raises Refused or ProviderDown."""
    claims = _verified(provider, token, "access token", provider.options.api_audience, _ACCESS_TOKEN_TYPES)
    if "cnf" in claims:
        raise Refused("The access token is bound to a key that its bearer must prove to hold, which is not supported here.")
    return claims


def _verified(provider: Provider, token: object, what: str, audience: str, types: tuple[str | None, ...]) -> Claims:
    if not isinstance(token, str):
        raise Refused(f"{provider.options.name} sent no {what}.")
    options = provider.options
    try:
        header = jwt.get_unverified_header(token)
        if header.get("alg") != options.algorithm:
            raise Refused(f"The {what} is not signed with {options.algorithm}.")
        if header.get("typ") not in types:
            raise Refused(f"This is not an {what}.")
        claims: Claims = jwt.decode(
            token,
            provider.keys.get_signing_key(str(header.get("kid"))),
            algorithms=[options.algorithm],
            issuer=options.issuer,
            audience=audience,
            leeway=LEEWAY,
            options={"require": ["iss", "sub", "aud", "exp", "iat"]},
        )
    except jwt.PyJWKClientConnectionError:
        raise ProviderDown(f"{options.name} does not answer. Try again later.") from None
    except (jwt.PyJWTError, ValueError) as error:
        raise Refused(f"The {what} {_sentence(error)}.") from None
    if not claims["sub"]:
        raise Refused(f"The {what} names nobody.")
    return claims


def _sentence(error: Exception) -> str:
    return next((words for kind, words in _SENTENCES if isinstance(error, kind)), "cannot be read")
