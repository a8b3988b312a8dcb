from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from pytest_django import Settings

from accounts.roles import ADMINISTRATOR, AUDITOR, EXPORTER
from accounts.services.oidc.options import Options
from tests.accounts.oidc.hostile import HostileProvider, hostile
from tests.accounts.oidc.provider import API, RealProvider, need_node, running

ACCOUNTS: dict[str, dict[str, Any]] = {name: {} for name in ("ana", "ben", "machine")}

Configure = Callable[..., Options]


@pytest.fixture(scope="session")
def real_provider() -> Iterator[RealProvider]:
    need_node()
    with running(ACCOUNTS) as provider:
        yield provider


@pytest.fixture
def provider(real_provider: RealProvider) -> RealProvider:
    """Ana is an auditor of the organization `here`; the provider has not verified her address."""
    real_provider.tell("ana", preferred_username="ana", org="here", realm_access={"roles": ["auditors", "cooks"]}, email="ana@here.example")
    real_provider.tell("machine", preferred_username="machine", org="here", realm_access={"roles": ["exporters"]})
    return real_provider


@pytest.fixture
def liar() -> Iterator[HostileProvider]:
    with hostile() as provider:
        yield provider


@pytest.fixture
def configure(settings: Settings) -> Configure:
    """Let people sign in with a provider; fields of Options may be named."""

    def make(provider: RealProvider | HostileProvider, **changes: Any) -> Options:
        options = Options(
            issuer=provider.issuer,
            client_id=provider.client_id,
            client_secret=provider.client_secret,
            name="Example ID",
            organization_claim="org",
            roles_claim="realm_access.roles",
            roles=(("admins", ADMINISTRATOR), ("auditors", AUDITOR), ("exporters", EXPORTER)),
            create_users=True,
            api_tokens=True,
            api_audience=API,
        )
        options = replace(options, **changes)
        settings.OIDC = options
        return options

    return make
