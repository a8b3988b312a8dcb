"""System checks of signing in with a provider: what the settings alone cannot see."""

from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.contrib.auth.models import Group
from django.core.checks import CheckMessage, Error, Tags, Warning, register
from django.db import connection

from accounts.models import Organization


@register()
def cookie_comes_back(**kwargs: Any) -> list[CheckMessage]:
    """accounts.E101: with SameSite=Strict the browser comes back from the provider without its session."""
    if settings.OIDC and settings.SESSION_COOKIE_SAMESITE == "Strict":
        return [
            Error(
                "SESSION_COOKIE_SAMESITE is Strict: nobody can sign in with a provider.",
                hint="Make it Lax: the browser comes back from the provider's site, and must bring its session.",
                id="accounts.E101",
            )
        ]
    return []


@register(Tags.database)
def given_things_exist(databases: Sequence[str] | None = None, **kwargs: Any) -> list[CheckMessage]:
    """accounts.W101: the organization and the roles that STRONGROOM_OIDC_* name, seen by `check --database default` and `migrate`."""
    table = Organization._meta.db_table  # noqa: SLF001 Django's documented API
    if not settings.OIDC or not databases or table not in connection.introspection.table_names():
        return []  # a database that is only being made has nothing yet
    key, roles = settings.OIDC.organization, settings.OIDC.covered_roles
    missing = [f"STRONGROOM_OIDC_ORGANIZATION names {key}"] * bool(key and not Organization.objects.filter(key=key).exists())
    there = set(Group.objects.filter(name__in=roles).values_list("name", flat=True))
    missing += [f"STRONGROOM_OIDC_ROLES gives {role}" for role in sorted(roles - there)]
    return [Warning(f"{each}, which is not in the database.", hint="Make it, or mend the setting.", id="accounts.W101") for each in missing]
