"""Signing in with a provider in a real browser, from our button to the provider's form and back, and out again."""

from collections.abc import Iterator

import pytest
from pytest_django.live_server_helper import LiveServer
from selenium import webdriver
from selenium.webdriver.common.by import By

from accounts.models import Membership, Organization, User
from accounts.roles import ADMINISTRATOR, AUDITOR
from tests.accounts.oidc.conftest import Configure
from tests.accounts.oidc.hostile import HostileProvider
from tests.accounts.oidc.provider import PASSWORD, RealProvider
from tests.accounts.oidc.test_oidc_lies import LIES
from tests.console.browsing import button, chromium, until

WIDTHS = (1440, 390)


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[webdriver.Chrome]:
    yield from chromium(tmp_path_factory.mktemp("browser"))


@pytest.fixture
def visitor(browser: webdriver.Chrome, transactional_db: None, live_server: LiveServer, owner: User) -> Iterator[webdriver.Chrome]:
    """On the sign-in page; neither we nor the provider know them."""
    yield browser
    browser.get("about:blank")
    browser.execute_cdp_cmd("Network.clearBrowserCookies", {})
    browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


@pytest.fixture
def real(provider: RealProvider, configure: Configure) -> RealProvider:
    configure(provider)
    return provider


def begin(browser: webdriver.Chrome, server: LiveServer) -> None:
    browser.get(f"{server.url}/sign-in?next=/profile")
    button(browser, "Sign in with Example ID").click()


def sign_in(browser: webdriver.Chrome, server: LiveServer, login: str = "ana") -> None:
    begin(browser, server)
    until(browser, lambda: browser.title == "Provider")
    browser.find_element(By.NAME, "login").send_keys(login)
    browser.find_element(By.NAME, "password").send_keys(PASSWORD)
    button(browser, "Enter").click()


def words(browser: webdriver.Chrome) -> str:
    return browser.find_element(By.TAG_NAME, "body").text


def roles() -> list[str]:
    return sorted(Membership.objects.get(user__username="ana").roles.values_list("name", flat=True))


def test_sign_in_lands_on_the_page_as_the_right_person(
    visitor: webdriver.Chrome, live_server: LiveServer, real: RealProvider, organization: Organization
) -> None:
    sign_in(visitor, live_server)
    until(visitor, lambda: visitor.current_url == f"{live_server.url}/profile")
    assert {"ana", organization.name, AUDITOR} <= set(words(visitor).split())
    assert (User.objects.get(username="ana").default_organization(), roles()) == (organization, [AUDITOR])


def test_first_sign_in_is_refused_on_the_page(
    visitor: webdriver.Chrome, live_server: LiveServer, real: RealProvider, configure: Configure
) -> None:
    configure(real, create_users=False)
    sign_in(visitor, live_server)
    until(visitor, lambda: "You are not signed in" in words(visitor))
    assert "no account here is linked with you" in words(visitor)
    button(visitor, "To the sign-in").click()
    until(visitor, lambda: visitor.current_url == f"{live_server.url}/sign-in")


def test_roles_follow_at_the_second_sign_in(visitor: webdriver.Chrome, live_server: LiveServer, real: RealProvider) -> None:
    sign_in(visitor, live_server)
    until(visitor, lambda: visitor.current_url == f"{live_server.url}/profile")
    real.tell("ana", preferred_username="ana", org="here", realm_access={"roles": ["admins"]})
    visitor.delete_all_cookies()  # ours; the provider still knows them and asks nothing
    begin(visitor, live_server)
    until(visitor, lambda: visitor.current_url == f"{live_server.url}/profile")
    assert roles() == [ADMINISTRATOR]


def test_sign_out_ends_the_session_at_the_provider_too(visitor: webdriver.Chrome, live_server: LiveServer, real: RealProvider) -> None:
    sign_in(visitor, live_server)
    until(visitor, lambda: visitor.current_url == f"{live_server.url}/profile")
    button(visitor, "Sign out").click()
    until(visitor, lambda: visitor.current_url.startswith(f"{real.issuer}/session/end"))
    button(visitor, "Yes, sign me out").click()
    until(visitor, lambda: visitor.current_url == f"{live_server.url}/sign-in")
    begin(visitor, live_server)
    until(visitor, lambda: visitor.find_element(By.NAME, "password"))
    assert visitor.title == "Provider"


@pytest.mark.parametrize("lie", ["nonce", "signature", "expired", "audience", "issuer", "alg none"])
def test_lie_is_told_and_nobody_is_signed_in(
    visitor: webdriver.Chrome, live_server: LiveServer, liar: HostileProvider, configure: Configure, lie: str
) -> None:
    configure(liar)
    liar.twist, sentence = LIES[lie]
    begin(visitor, live_server)
    until(visitor, lambda: sentence in words(visitor))
    visitor.get(live_server.url)
    until(visitor, lambda: "/sign-in" in visitor.current_url)


@pytest.mark.parametrize("width", WIDTHS)
def test_pages_fit_the_screen(
    visitor: webdriver.Chrome, live_server: LiveServer, liar: HostileProvider, configure: Configure, width: int
) -> None:
    configure(liar, create_users=False)
    visitor.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", {"width": width, "height": 844, "deviceScaleFactor": 1, "mobile": False})
    for page in ("sign-in", "oidc/start"):
        visitor.get(f"{live_server.url}/{page}")
        wide, seen = visitor.execute_script("return [document.documentElement.scrollWidth, window.innerWidth]")
        assert wide <= seen, page
