"""Secrets at rest: encrypted columns, credentials kept as digests, and nothing of either in a repr."""

from datetime import timedelta

import pytest
from cryptography.fernet import InvalidToken
from django.db import connection
from django.utils import timezone
from pytest_django import Settings

from accounts.models import AccessToken, Membership, Organization, User
from accounts.secrets import digest, matches, new_credential
from exports.models import Source

URL = "postgresql+psycopg://reader:hunter2-and-more@db.example/history"
OLD, NEW = "old-key-old-key-old-key-old-key-", "new-key-new-key-new-key-new-key-"

pytestmark = pytest.mark.django_db


@pytest.fixture
def organization() -> Organization:
    return Organization.objects.create(key="acme", name="Acme")


@pytest.fixture
def user(organization: Organization) -> User:
    user = User.objects.create(username="ana")
    Membership.objects.create(organization=organization, user=user)
    return user


@pytest.fixture
def source(organization: Organization) -> Source:
    return Source.objects.create(organization=organization, key="history", name="History", url=URL)


def column(source: Source) -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT url FROM exports_source WHERE id = %s", [source.pk])
        return str(cursor.fetchone()[0])


def test_url_is_ciphertext_in_the_database(source: Source) -> None:
    assert "hunter2" not in column(source)
    assert "postgresql" not in column(source)
    assert Source.objects.get(pk=source.pk).url == URL


def test_equal_urls_have_different_ciphertexts(source: Source, organization: Organization) -> None:
    other = Source.objects.create(organization=organization, key="other", name="Other", url=URL)
    assert column(source) != column(other)


def test_old_key_still_decrypts_after_rotation(organization: Organization, settings: Settings) -> None:
    settings.ENCRYPTION_KEYS = [OLD]
    source = Source.objects.create(organization=organization, key="history", name="History", url=URL)
    settings.ENCRYPTION_KEYS = [NEW, OLD]
    assert Source.objects.get(pk=source.pk).url == URL


def test_saving_after_rotation_encrypts_with_the_first_key(organization: Organization, settings: Settings) -> None:
    settings.ENCRYPTION_KEYS = [OLD]
    source = Source.objects.create(organization=organization, key="history", name="History", url=URL)
    settings.ENCRYPTION_KEYS = [NEW, OLD]
    Source.objects.get(pk=source.pk).save()
    settings.ENCRYPTION_KEYS = [NEW]
    assert Source.objects.get(pk=source.pk).url == URL


def test_wrong_key_reads_nothing(source: Source, settings: Settings) -> None:
    settings.ENCRYPTION_KEYS = [NEW]
    with pytest.raises(InvalidToken):
        Source.objects.get(pk=source.pk)


def test_source_shows_its_address_without_the_secret(source: Source) -> None:
    assert source.address == "postgresql://db.example/history"
    assert "hunter2" not in f"{source!r} {source}"


def test_token_is_stored_as_a_digest_only(user: User, organization: Organization) -> None:
    row, token = AccessToken.issue(user, organization, lifetime=timedelta(days=1))
    stored = [str(value) for value in AccessToken.objects.filter(pk=row.pk).values()[0].values()]
    assert digest(token) in stored
    assert not any(token in value for value in stored)
    assert token not in f"{row!r} {row} {vars(row)}"


def test_token_is_found_until_it_expires(user: User, organization: Organization) -> None:
    row, token = AccessToken.issue(user, organization, lifetime=timedelta(days=1))
    assert AccessToken.find(token) == row
    AccessToken.objects.filter(pk=row.pk).update(expires=timezone.now())
    assert AccessToken.find(token) is None


@pytest.mark.parametrize("wrong", ["", "nonsense", "{digest}", "{token}x"])
def test_wrong_token_is_not_found(user: User, organization: Organization, wrong: str) -> None:
    _, token = AccessToken.issue(user, organization, lifetime=timedelta(days=1))
    assert AccessToken.find(wrong.format(digest=digest(token), token=token)) is None


def test_credentials_differ_and_compare() -> None:
    (one, _, one_digest), (two, _, _) = new_credential(), new_credential()
    assert matches(one, one_digest)
    assert not matches(two, one_digest)
