"""/udm/v10/cipher, /data and the OpenAPI document."""

from urllib.parse import quote

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from rest_framework.test import APIClient

from exports.models import Certificate, Dataset

CIPHER = "/udm/v10/cipher"


def form(data: bytes, **fields: str) -> dict[str, object]:
    return {"file": SimpleUploadedFile("c.pem", data), **fields}


def test_upload_answers_201_and_shows_what_is_uploaded(api: APIClient, certificate_pem: bytes) -> None:
    answer = api.post(f"{CIPHER}/mine.pem", form(certificate_pem), format="multipart")
    assert (answer.status_code, answer.json()) == (201, "mine.pem")
    info = api.get(CIPHER, content_type="application/json").json()
    assert (set(info), info["name"]) == ({"ccid", "name", "size", "lastModified"}, "mine.pem")
    assert info["size"] == len(certificate_pem)


def test_the_profile_can_be_chosen(api: APIClient, certificate_pem: bytes) -> None:
    api.post(f"{CIPHER}/old.pem", form(certificate_pem, profile="smime"), format="multipart")
    assert Certificate.objects.get().profile == "smime"


def test_before_an_upload_there_is_none(api: APIClient) -> None:
    assert api.get(CIPHER).status_code == 404


@pytest.mark.parametrize("name", ["..", "a\\b", "a\r\nb", "nul\0", 'quote"', "x" * 300, "%252e%252e%252f"])
def test_hostile_certificate_names(api: APIClient, certificate_pem: bytes, name: str) -> None:
    answer = api.post(f"{CIPHER}/{quote(name, safe='')}", form(certificate_pem), format="multipart")
    harmless = name.startswith("%25")  # a plain file name, if a strange one
    assert answer.status_code == (201 if harmless else 400)
    assert Certificate.objects.count() == harmless


def test_only_the_documented_fields_are_taken(api: APIClient, certificate_pem: bytes) -> None:
    answer = api.post(f"{CIPHER}/a.pem", form(certificate_pem, is_active="false"), format="multipart")
    assert (answer.status_code, list(answer.json()["errors"])) == (400, ["is_active"])
    assert list(api.post(f"{CIPHER}/a.pem", {}, format="multipart").json()["errors"]) == ["file"]


def test_ten_megabytes_are_a_400(api: APIClient) -> None:
    assert api.post(f"{CIPHER}/a.pem", form(b"x" * 10_000_000), format="multipart").status_code == 400


# --- /data ---------------------------------------------------------------------------------------------------------
def test_job_statuses(api: APIClient) -> None:
    values = [item["value"] for item in api.get("/udm/v10/data/job-statuses").json()]
    assert values == ["Scheduled", "Pending", "InProgress", "Suspended", "Completed", "Failed", "Cancelled"]


def test_sources_types_and_sub_types(api: APIClient, interaction: Dataset, contact: Dataset) -> None:
    assert api.get("/udm/v10/data/sources").json() == [{"label": "Contact history", "value": "contact-history"}]
    types = api.get("/udm/v10/data/types?source=contact-history").json()
    assert [item["name"] for item in types] == ["Contact", "Interaction"]
    found = api.get("/udm/v10/data/sub-types?source=contact-history&dataType=Interaction").json()
    assert found[0] == {"name": "chat", "displayName": "Chat", "source": "contact-history", "dataType": "Interaction", "enabled": True}


def test_what_does_not_exist(api: APIClient, contact: Dataset) -> None:
    assert api.get("/udm/v10/data/types?source=none").status_code == 204
    assert api.get("/udm/v10/data/sub-types?dataType=Contact").status_code == 204
    assert list(api.get("/udm/v10/data/sub-types?source=none").json()["errors"]) == ["source"]
    assert list(api.get("/udm/v10/data/sub-types?dataType=None").json()["errors"]) == ["dataType"]
