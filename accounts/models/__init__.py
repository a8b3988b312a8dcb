from accounts.models.api_key import ApiKey
from accounts.models.audit import AuditChain, AuditEntry
from accounts.models.identity import Identity
from accounts.models.oauth import AccessToken, Application, Grant, IDToken, RefreshToken
from accounts.models.organization import Membership, Organization, User

__all__ = [
    "AccessToken",
    "ApiKey",
    "Application",
    "AuditChain",
    "AuditEntry",
    "Grant",
    "IDToken",
    "Identity",
    "Membership",
    "Organization",
    "RefreshToken",
    "User",
]
