"""What a disposition says of a purge, its certificate, and the ledger as CSV."""

import csv
import hashlib
import json
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from django.core.files.storage import default_storage
from django.db import IntegrityError

from accounts.models import Organization, User
from accounts.models.audit import GENESIS, AppendOnly, canonical
from accounts.roles import AUDITOR, DATA_EXPORTER, DISPOSITION_APPROVER, RETENTION_READER
from accounts.services.access import Access, Denied
from accounts.services.people import join
from exports.models import Dataset
from exports.services.errors import NotFound
from retention.models import Disposition, DispositionChain, Purge, RetentionSettings
from retention.services import certificates, dispositions
from tests.conftest import access_in
from tests.retention.ledger import ended, written
from tests.retention.purge_world import PurgeWorld
from tests.trail import actions


# --- What is written -----------------------------------------------------------------------------------------------
def test_a_completed_purge_is_told_as_it_was(small: PurgeWorld) -> None:
    before = small.there()
    purge = small.purged()
    entry = Disposition.objects.get(purge=purge)
    said = entry.said()
    assert (said["rowsPurged"], said["rowsSelected"], said["kept"]) == (len(before - small.there()), purge.selected, [])
    assert (said["source"], said["dataset"], said["table"]) == (small.source.key, "Interaction", "interactions")
    assert (said["rule"], said["job"], said["author"]) == ({"id": purge.rule_id, "version": 1, "terms": purge.rule.terms()}, None, "olga")  # type: ignore[union-attr]  # it is of a rule
    assert (said["keySetSha256"], said["outcome"], said["archived"]) == (purge.key_set_sha256, "completed", True)
    assert said["batches"] == purge.batches.count() > 0
    assert [child["dataset"] for child in said["children"]] == ["Attachment"]


def test_it_names_every_file_and_the_manifest_by_hash(small: PurgeWorld) -> None:
    purge = small.purged()
    assert purge.run is not None
    said = Disposition.objects.get(purge=purge).said()
    stored = {file.name: default_storage.open(file.storage_key).read() for file in purge.run.files.all()}
    assert {file["name"]: file["sha256"] for file in said["files"]} == {
        name: hashlib.sha256(data).hexdigest() for name, data in stored.items()
    }
    assert sum(file["rows"] for file in said["files"] if file["dataset"] == "Interaction") == said["rowsPurged"]
    assert said["manifestSha256"] == hashlib.sha256(default_storage.open(purge.run.manifest_key).read()).hexdigest()


def test_a_purge_that_is_cancelled_in_the_middle_tells_what_went(small: PurgeWorld) -> None:
    RetentionSettings.objects.update(batch_rows=20)
    before, purge = small.there(), small.purge()
    small.work_until("batch.done")
    Purge.objects.filter(pk=purge.pk).update(cancelled_by=small.owner)
    small.work()
    said = Disposition.objects.get(purge=purge).said()
    assert (said["outcome"], said["rowsPurged"]) == ("cancelled", 20) == ("cancelled", len(before - small.there()))
    assert "olga" in said["outcomeBecause"]


def test_counts_are_added_up_from_batches(contact: Dataset, owner: User) -> None:
    [entry] = written(contact, owner)
    said = entry.said()
    assert (said["rowsPurged"], said["batches"], said["longestLockMs"]) == (3, 2, 70)
    assert said["kept"] == [{"reason": "already gone", "rows": 1}, {"reason": "the hold “X”", "rows": 3}]
    assert said["children"] == [{"dataset": "Contact", "rows": 1}]


def test_the_approver_is_named(contact: Dataset, owner: User, teammate: User) -> None:
    purge = ended(contact, owner, approved_by=teammate, asks_because="too many")
    said = dispositions.write(purge).said()
    assert (said["approvedBy"], said["askedBecause"], said["author"]) == ("teammate", "too many", "owner")


def test_entries_are_chained_in_each_organization(contact: Dataset, owner: User) -> None:
    first, second = written(contact, owner, 2)
    chain = DispositionChain.objects.get(pk=contact.source.organization_id)
    assert (first.number, first.previous, second.number, second.previous) == (1, GENESIS, 2, first.hash)
    assert (chain.count, chain.hash) == (2, second.hash)
    assert second.hash == hashlib.sha256(canonical(second.said()).encode()).hexdigest() == Disposition.objects.get(pk=second.pk).digest()


def test_a_purge_has_one_disposition(contact: Dataset, owner: User) -> None:
    [entry] = written(contact, owner)
    with pytest.raises(IntegrityError):
        dispositions.write(entry.purge)


def test_the_model_refuses_to_change_and_to_delete(contact: Dataset, owner: User) -> None:
    [entry] = written(contact, owner)
    rows = Disposition.objects.filter(pk=entry.pk)
    for act in (entry.save, entry.delete, rows.delete, lambda: rows.update(number=2), lambda: Disposition.objects.bulk_create([entry])):
        with pytest.raises(AppendOnly):
            act()


# --- Who reads -----------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("role", [RETENTION_READER, DISPOSITION_APPROVER, AUDITOR])
def test_readers_of_rules_approvers_and_auditors_read_them(contact: Dataset, owner: User, teammate: User, role: str) -> None:
    [entry] = written(contact, owner)
    join(teammate, contact.source.organization, [role])
    assert dispositions.find(access_in(contact.source.organization, teammate), 1) == entry


def test_others_do_not(contact: Dataset, owner: User, teammate: User, outsider: User, elsewhere: Organization) -> None:
    written(contact, owner)
    join(teammate, contact.source.organization, [DATA_EXPORTER])
    with pytest.raises(Denied):
        dispositions.listing(access_in(contact.source.organization, teammate))
    with pytest.raises(NotFound):
        dispositions.find(access_in(elsewhere, outsider), 1)


# --- The certificate -----------------------------------------------------------------------------------------------
class Page(HTMLParser):
    """The tags of a page, and the text in it."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


def shell(command: str, folder: Path) -> str:
    return subprocess.run(
        ["sh", "-c", command.replace("python3", sys.executable)], cwd=folder, capture_output=True, text=True, check=True
    ).stdout


def test_the_certificates_own_commands_verify_it(contact: Dataset, owner: User, tmp_path: Path) -> None:
    [entry] = written(contact, owner)
    (tmp_path / "certificate.json").write_text(json.dumps(certificates.as_json(entry)))
    hashing, comparing = certificates.COMMANDS
    assert shell(hashing, tmp_path).split()[0] == entry.hash
    assert shell(comparing, tmp_path).split() == ["True", entry.hash]


def test_the_page_holds_the_same_certificate_and_loads_nothing(contact: Dataset, owner: User, organization: Organization) -> None:
    [entry] = written(contact, owner)
    page = Page(certificates.as_html(entry))
    names = {tag for tag, _ in page.tags}
    assert not names & {"script", "img", "link", "iframe", "object"}
    [link] = [attributes["href"] or "" for tag, attributes in page.tags if tag == "a"]
    assert not [value for _, attributes in page.tags for name, value in attributes.items() if name in {"src", "href"} and value != link]
    held = subprocess.run(["base64", "-d"], input=link.partition("base64,")[2], capture_output=True, text=True, check=True).stdout
    assert json.loads(held) == certificates.as_json(entry)
    assert entry.hash in page.text
    assert canonical(entry.said()) in page.text


def test_the_page_shows_what_a_name_holds_as_text(contact: Dataset, owner: User, organization: Organization) -> None:
    organization.name = "<script>alert(1)</script>"
    purge = ended(contact, owner, asks_because="<img src=x>", message="</pre>")
    page = Page(certificates.as_html(dispositions.write(purge)))
    assert not {tag for tag, _ in page.tags} & {"script", "img"}
    assert "<img src=x>" in page.text


def test_docs_name_every_fact(contact: Dataset, owner: User) -> None:
    [entry] = written(contact, owner)
    text = Path(__file__).parent.parent.parent.joinpath("docs/dispositions.md").read_text()
    assert [name for name in dispositions.view(entry) if not re.search(rf"`{name}`", text)] == []


# --- The ledger ----------------------------------------------------------------------------------------------------
def rows_of(access: Access) -> list[dict[str, Any]]:
    return list(csv.DictReader("".join(dispositions.download(access)).splitlines()))


def test_csv_has_every_fact_of_every_entry_newest_first(access: Access, contact: Dataset, owner: User) -> None:
    entries = written(contact, owner, 3)
    found = rows_of(access)
    assert [row["hash"] for row in found] == [entry.hash for entry in reversed(entries)]
    assert list(found[0]) == list(dispositions.COLUMNS)
    assert set(dispositions.COLUMNS) == set(dispositions.view(entries[0]))
    assert json.loads(found[0]["rule"]) == entries[2].said()["rule"]


def test_csv_escapes_what_a_spreadsheet_could_run(access: Access, contact: Dataset, owner: User) -> None:
    dispositions.write(ended(contact, owner, message="=1+1"))
    assert rows_of(access)[0]["outcomeBecause"] == "'=1+1"


def test_csv_is_read_page_by_page_and_recorded(access: Access, contact: Dataset, owner: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dispositions, "_PAGE", 2)
    written(contact, owner, 5)
    assert [row["number"] for row in rows_of(access)] == ["5", "4", "3", "2", "1"]
    assert actions() == ["disposition.download"]
