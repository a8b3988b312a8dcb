"""What the settings say about the OpenID Connect provider that people may sign in with. Imports nothing: settings make it."""

from dataclasses import dataclass, field
from urllib.parse import urlsplit


@dataclass(frozen=True)
class Endpoints:
    """Addresses at the provider. Those that may be missing are empty: what they are for is then not done."""

    authorization: str
    token: str
    jwks: str
    userinfo: str = ""
    end_session: str = ""
    names_issuer_in_answers: bool = False  # RFC 9207: an answer without `iss` is then not the provider's


@dataclass(frozen=True)
class Options:
    """One provider. `endpoints` None: by discovery. `roles`: (claim's value, role) pairs. Seconds are whole; 0 is never."""

    issuer: str
    client_id: str
    client_secret: str = field(repr=False)
    name: str
    scopes: tuple[str, ...] = ("openid", "profile", "email")
    algorithm: str = "RS256"
    client_authentication: str = "post"
    endpoints: Endpoints | None = None
    username_claim: str = "preferred_username"
    organization_claim: str = ""
    organization: str = ""
    roles_claim: str = ""
    roles: tuple[tuple[str, str], ...] = ()
    create_users: bool = False
    refresh_seconds: int = 0
    api_tokens: bool = False
    api_audience: str = ""

    @property
    def covered_roles(self) -> frozenset[str]:
        """The roles that the provider decides about; all others are given and taken here."""
        return frozenset(role for _, role in self.roles)


def is_safe_address(url: str) -> bool:
    """HTTPS; plain HTTP only where it does not leave this machine."""
    parts = urlsplit(url)
    loopback = parts.hostname in ("localhost", "127.0.0.1", "::1")
    return bool(parts.hostname) and (parts.scheme == "https" or (parts.scheme == "http" and loopback))
