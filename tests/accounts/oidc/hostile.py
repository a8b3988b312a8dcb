"""A provider that lies: a real HTTP server with real keys, whose tokens a test twists before they are signed."""

import hmac
import json
import secrets
import time
from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

from tests.web_servers import serving

KEYS = {name: rsa.generate_private_key(65537, 2048) for name in ("own", "foreign")}
CURVE = ec.generate_private_key(ec.SECP256R1())
CLIENT_SECRET = "the secret that the client and the provider share"


@dataclass
class Forgery:
    """What is about to be signed, and how. A twist changes it."""

    claims: dict[str, Any]
    header: dict[str, Any] = field(default_factory=lambda: {"kid": "own"})
    algorithm: str = "RS256"
    key: Any = field(default_factory=lambda: KEYS["own"])
    spoil: bool = False

    def token(self) -> str:
        if self.algorithm == "HS256":
            return _with_shared_secret(self)
        token = jwt.encode(self.claims, self.key, algorithm=self.algorithm, headers=self.header)
        return token[:-40] + token[-40:-20].swapcase() + token[-20:] if self.spoil else token


Twist = Callable[[Forgery], None]


def honest(forgery: Forgery) -> None:
    """Changes nothing."""


@dataclass
class HostileProvider:
    """`twist`: done to each token. `answer`: changes of the query that the browser brings back. `userinfo`, `metadata`: likewise."""

    issuer: str
    twist: Twist = honest
    answer: dict[str, str] = field(default_factory=dict)
    userinfo: dict[str, Any] = field(default_factory=dict)
    metadata: dict[str, Any] = field(default_factory=dict)
    nonces: dict[str, str] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    client_id: str = "strongroom"
    client_secret: str = CLIENT_SECRET

    def forged(self, audience: str, **claims: Any) -> str:
        now = int(time.time())
        person = {"sub": "ana-1", "preferred_username": "ana", "org": "here", "realm_access": {"roles": ["auditors"]}}
        forgery = Forgery({"iss": self.issuer, "aud": audience, "iat": now, "exp": now + 300, **person, **claims})
        self.twist(forgery)
        return forgery.token()

    # --- Endpoints ---------------------------------------------------------------------------------------------
    def describe(self) -> dict[str, Any]:
        places = {"authorization_endpoint": "auth", "token_endpoint": "token", "jwks_uri": "jwks", "userinfo_endpoint": "me"}
        return {"issuer": self.issuer, **{name: f"{self.issuer}/{place}" for name, place in places.items()}, **self.metadata}

    def keys(self) -> dict[str, Any]:
        own = {**RSAAlgorithm.to_jwk(KEYS["own"].public_key(), as_dict=True), "kid": "own", "use": "sig", "alg": "RS256"}
        curve = {**ECAlgorithm.to_jwk(CURVE.public_key(), as_dict=True), "kid": "curve", "use": "sig"}
        return {"keys": [own, curve]}

    def authorize(self, query: dict[str, str]) -> str:
        code = secrets.token_urlsafe(8)
        self.nonces[code] = query["nonce"]
        return f"{query['redirect_uri']}?{urlencode({'code': code, 'state': query['state'], **self.answer})}"

    def exchange(self, form: dict[str, str]) -> dict[str, Any]:
        token = self.forged(self.client_id, nonce=self.nonces.pop(form["code"]))
        return {"access_token": "opaque", "token_type": "Bearer", "id_token": token}


def _with_shared_secret(forgery: Forgery) -> str:
    """Signed by hand: PyJWT itself refuses to sign with what looks like a public key."""
    parts = [json.dumps(each).encode() for each in ({"alg": "HS256", **forgery.header}, forgery.claims)]
    signed = b".".join(urlsafe_b64encode(part).rstrip(b"=") for part in parts)
    return f"{signed.decode()}.{urlsafe_b64encode(hmac.digest(forgery.key, signed, 'sha256')).rstrip(b'=').decode()}"


class Handler(BaseHTTPRequestHandler):
    provider: HostileProvider

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        self.provider.asked.append(parts.path)
        if parts.path == "/auth":
            self.send_response(302)
            self.send_header("Location", self.provider.authorize(dict(parse_qsl(parts.query))))
            self.end_headers()
            return
        said = {"/.well-known/openid-configuration": self.provider.describe, "/jwks": self.provider.keys, "/me": self._userinfo}
        self._say(said[parts.path]())

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self._say(self.provider.exchange(dict(parse_qsl(body))))

    def log_message(self, *words: Any) -> None:
        """Not into the tests' output."""

    def _userinfo(self) -> dict[str, Any]:
        return {"sub": "ana-1", **self.provider.userinfo}

    def _say(self, what: dict[str, Any]) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(json.dumps(what).encode())


@contextmanager
def hostile() -> Iterator[HostileProvider]:
    class Bound(Handler):
        """Of one provider."""

    with serving(Bound) as port:
        Bound.provider = HostileProvider(f"http://127.0.0.1:{port}")
        yield Bound.provider
