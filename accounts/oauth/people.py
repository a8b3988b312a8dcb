"""For which organization somebody signs in."""

from accounts.models import Application, User
from accounts.services.access import Access, access_to


def split_name(text: str) -> tuple[str, str]:
    """(tenant, user name) of `tenant\\name`; the tenant is empty if there is none. Names of users hold no backslash."""
    tenant, separator, name = text.rpartition("\\")
    return (tenant, name) if separator else ("", text)


def access_by_tenant(user: User, tenant: str, application: Application | None = None) -> Access | None:
    """For the organization of that key; without one, for the first that the user joined. Only one that the application, if given, serves."""
    for organization in user.organizations.order_by("membership__joined_at", "membership__id"):
        if (application is None or application.serves(organization)) and tenant in {"", organization.key}:
            return access_to(user, organization)
    return None


def access_by_session(user: User, chosen: str | None, application: Application) -> Access | None:
    """For the organization of that id, which a session chose; if the application does not serve it, for the first that it serves."""
    organization = user.organizations.filter(pk=chosen).first() if chosen else None
    if organization is not None and application.serves(organization):
        return access_to(user, organization)
    return access_by_tenant(user, "", application)
