"""The real provider of these tests: npm's oidc-provider, installed once into the environment, started by whoever needs it.

`python -m tests.accounts.oidc.provider` installs it.
"""

import fcntl
import hashlib
import json
import os
import re
import secrets
import shutil
import subprocess
import sys
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urljoin, urlsplit

import pytest
import requests

HERE = Path(__file__).parent
FILES = ("package.json", "package-lock.json", "provider.js")
API = "https://api.strongroom.test"
PASSWORD = "at the provider"


@dataclass
class RealProvider:
    """A running one. Its accounts' claims may be changed; their password is PASSWORD."""

    issuer: str
    client_id: str = "strongroom"
    client_secret: str = field(default="strongroom-secret", repr=False)

    def tell(self, login: str, **claims: Any) -> None:
        """From now on the provider says this about the account."""
        requests.post(f"{self.issuer}/accounts/{login}", json=claims, timeout=10).raise_for_status()

    def access_token(self, login: str, resource: str = API) -> str:
        """What a program gets for a person: the code flow, without Strongroom."""
        verifier, browser = secrets.token_urlsafe(48), requests.Session()
        callback = "http://localhost/oidc/callback"
        query = {
            "client_id": self.client_id,
            "redirect_uri": callback,
            "response_type": "code",
            "scope": "openid profile email read",
            "resource": resource,
            "code_challenge": urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode(),
            "code_challenge_method": "S256",
        }
        url = sign_in(browser, f"{self.issuer}/auth?{urlencode(query)}", login)
        form = {"grant_type": "authorization_code", "code": parse_qs(urlsplit(url).query)["code"][0], "redirect_uri": callback}
        return self._token({**form, "code_verifier": verifier, "client_id": self.client_id, "client_secret": self.client_secret})

    def machine_token(self, resource: str = API) -> str:
        """What a machine gets for itself: its subject is its client id."""
        form = {"grant_type": "client_credentials", "resource": resource, "scope": "read"}
        return self._token(form, auth=("machine", "machine-secret"))

    def _token(self, form: dict[str, str], **how: Any) -> str:
        answer = requests.post(f"{self.issuer}/token", data=form, timeout=10, **how)
        assert answer.status_code == 200, answer.text
        return str(answer.json()["access_token"])


def sign_in(browser: requests.Session, url: str, login: str, **more: str) -> str:
    """Go through the provider's pages as a browser would; the address outside of them to which it sends at the end."""
    issuer = urlsplit(url)._replace(path="", query="").geturl()
    answer = browser.get(url, allow_redirects=False, timeout=10)
    for _ in range(10):
        if not answer.is_redirect:
            assert "/login/" in answer.url, answer.text
            form = {"login": login, "password": PASSWORD, **more}
            answer = browser.post(answer.url, data=form, allow_redirects=False, timeout=10)
            continue
        url = urljoin(answer.url, answer.headers["location"])
        if not url.startswith(issuer):
            return url
        answer = browser.get(url, allow_redirects=False, timeout=10)
    raise AssertionError(f"the provider goes round in circles at {url}")


def need_node() -> None:
    if shutil.which("node") and shutil.which("npm"):
        return
    if os.environ.get("CI"):
        pytest.fail("no node: the tests of signing in with a provider need node and npm")
    pytest.skip("no node: signing in with a provider was not tested")


def installed() -> Path:
    """The folder where the provider lies with all that it needs, made if this version is not there yet."""
    version = hashlib.sha256(b"".join((HERE / name).read_bytes() for name in FILES)).hexdigest()[:12]
    folder = Path(sys.prefix) / f"oidc-provider-{version}"
    with (Path(sys.prefix) / "oidc-provider.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # several test processes start at once
        if not (folder / "ready").exists():
            folder.mkdir(exist_ok=True)
            for name in FILES:
                shutil.copy(HERE / name, folder)
            subprocess.run(["npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts"], cwd=folder, check=True, capture_output=True)
            (folder / "ready").touch()
    return folder


@contextmanager
def running(accounts: dict[str, dict[str, Any]]) -> Iterator[RealProvider]:
    """`accounts`: claims by login."""
    environment = {"PATH": os.environ["PATH"], "NODE_OPTIONS": "--no-warnings"}
    with subprocess.Popen(
        ["node", "provider.js"], cwd=installed(), env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        given = {login: {"password": PASSWORD, "claims": claims} for login, claims in accounts.items()}
        process.stdin.write(json.dumps({"accounts": given}) + "\n")
        process.stdin.flush()
        try:
            said = next((line for line in process.stdout if re.match(r'\{"issuer"', line)), None)
            assert said, "the provider did not start"
            yield RealProvider(json.loads(said)["issuer"])
        finally:
            process.terminate()


if __name__ == "__main__":
    installed()
