"""The password in a source's URL is found nowhere but, encrypted, in the source's own row."""

import io
import json
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.apps import apps
from django.conf import settings as configured
from django.core.serializers.json import DjangoJSONEncoder
from django.db import connection
from django.urls import URLPattern
from rest_framework.test import APIClient

from exports.api.udm.v10.urls import urlpatterns
from exports.models import Dataset, Run, Source
from exports.services import catalogue
from exports.services.work import run_until_idle
from tests.api.test_udm_v10_jobs import BODY

CANARY = "C4n4ry-passw0rd"
URLS = [f"postgresql://u:{CANARY}@127.0.0.1:1/d", f"mysql://u:{CANARY}@127.0.0.1:1/d", f"postgresql://postgres:{CANARY}@127.0.0.1/nowhere"]
BASE = "/udm/v10/"

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """Every line of every logger, formatted as in production."""
    root = logging.getLogger()
    [handler] = [handler for handler in root.handlers if type(handler) is logging.StreamHandler]
    written, level = io.StringIO(), root.level
    before = handler.setStream(written)
    root.setLevel(logging.DEBUG)
    yield written
    root.setLevel(level)
    handler.setStream(before)


@pytest.fixture(params=URLS)
def source(request: pytest.FixtureRequest, source: Source) -> Source:
    """The shared one, whose database cannot be reached, or refuses."""
    source.url = request.param
    source.save()
    return source


def run(api: APIClient) -> Run:
    assert api.post(f"{BASE}export/jobs", BODY).status_code == 202
    run_until_idle()
    return Run.objects.get()


def told(api: APIClient) -> str:
    """Every answer of the face to a GET, and the OpenAPI document."""
    made = Run.objects.get()
    ids = {"<str:run_id>": made.pk, "<str:job_id>": made.job_id, "<str:filename>": "x", "<str:certificatefilename>": "x"}
    words = []
    for pattern in urlpatterns:
        assert isinstance(pattern, URLPattern)
        route = str(pattern.pattern)
        for name, value in ids.items():
            route = route.replace(name, str(value))
        words.append(api.get(BASE + route).content.decode())
    return "\n".join([*words, api.get("/api/schema/udm-v10").content.decode()])


def stored() -> str:
    """Every row of every table, but for the column that holds the encrypted URL."""
    rows = [list(model._base_manager.values()) for model in apps.get_models() if model is not Source]
    return json.dumps([*rows, list(Source.objects.defer("url").values("key", "name"))], cls=DjangoJSONEncoder, default=str)


def test_a_run_that_cannot_connect_tells_it_nowhere(api: APIClient, interaction: Dataset, certificate: object, log: io.StringIO) -> None:
    made = run(api)
    assert made.message
    for place in (told(api), stored(), log.getvalue()):
        assert place
        assert CANARY not in place


def test_nor_does_a_bug(
    api: APIClient, interaction: Dataset, certificate: object, log: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stumble(url: str) -> None:
        raise RuntimeError(url)

    monkeypatch.setattr("exports.services.planning.open_reader", stumble)
    made = run(api)
    assert "stumble" in made.traceback
    for place in (told(api), stored(), log.getvalue()):
        assert CANARY not in place


def test_nor_does_discovery(source: Source) -> None:
    sentence = catalogue.test_connection(source)
    assert sentence
    assert CANARY not in sentence


def test_nor_does_a_message_to_the_workers(api: APIClient, interaction: Dataset, certificate: object) -> None:
    folder = Path(str(configured.CELERY_BROKER_TRANSPORT_OPTIONS["data_folder_out"]))
    before = set(folder.glob("*.msg"))
    assert api.post(f"{BASE}export/jobs", BODY).status_code == 202
    sent = [path.read_text() for path in set(folder.glob("*.msg")) - before]
    assert sent
    assert CANARY not in "".join(sent)


def test_it_is_encrypted_at_rest(source: Source) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT url FROM exports_source")
        assert CANARY not in str(cursor.fetchall())
