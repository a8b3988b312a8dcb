"""JSON Web Tokens that anybody can verify: ES256, with a key that is derived from the server's secret."""

from functools import cache
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings
from jwcrypto import jwk, jwt

_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
"""Of the group of P-256 (SEC 2): private keys are numbers from 1 to one less."""


def sign(claims: dict[str, Any]) -> str:
    """The claims as a compact JWT. Its `kid` names the key of `public_keys` that verifies it."""
    key = _key(settings.SECRET_KEY)
    token = jwt.JWT(header={"alg": "ES256", "typ": "JWT", "kid": key["kid"]}, claims=claims)
    token.make_signed_token(key)
    return str(token.serialize())


def public_keys() -> dict[str, Any]:
    """A JWK Set (RFC 7517)."""
    key = _key(settings.SECRET_KEY)
    return {"keys": [{**key.export_public(as_dict=True), "use": "sig", "alg": "ES256"}]}


@cache
def _key(secret: str) -> Any:
    """48 derived bytes for a number of 32: what taking the remainder favours is then too little to matter (FIPS 186-5, A.2.1)."""
    derived = HKDF(SHA256(), length=48, salt=None, info=b"strongroom jwt ES256").derive(secret.encode())
    number = int.from_bytes(derived, "big") % (_ORDER - 1) + 1
    key = jwk.JWK.from_pyca(ec.derive_private_key(number, ec.SECP256R1()))
    key.update(kid=key.thumbprint())
    return key
