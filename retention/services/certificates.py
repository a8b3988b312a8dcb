"""Certificates of dispositions: what one says, its hash, and how to verify it, in one file that needs neither a network nor Strongroom."""

from base64 import b64encode
from typing import Any

from django.template.loader import render_to_string

from accounts.models.audit import canonical
from retention.models import Disposition
from retention.services.dispositions import view

KIND = "strongroom-disposition-certificate"
VERSION = 1
STEPS = (
    "`canonical` is `entry` without its `hash`, as canonical JSON (RFC 8785): names sorted, no white space, UTF-8.",
    "The SHA-256 of `canonical` is `entry.hash`.",
    "`entry.previous` is the hash of the organization's disposition with the number before, 64 zeros for number 1.",
    "`entry.files` names the sealed files that held the rows before they went; `sha256sum FILE` prints what stands beside each.",
    "`entry.manifestSha256` is the SHA-256 of the extract's manifest, which lists the same files.",
)
_LOADED = "import json,sys; c=json.load(open('certificate.json'))"
COMMANDS = (
    f"""python3 -c "{_LOADED}; sys.stdout.write(c['canonical'])" | sha256sum""",
    f"""python3 -c "{_LOADED}; h=c['entry'].pop('hash'); print(json.loads(c['canonical'])==c['entry'], h)\"""",
)


def as_json(entry: Disposition) -> dict[str, Any]:
    """`entry` is what the API gives, `canonical` the text of which the hash is."""
    said = {"kind": KIND, "version": VERSION, "entry": view(entry), "canonical": canonical(entry.said())}
    return {**said, "howToVerify": {"steps": list(STEPS), "commands": list(COMMANDS)}}


def as_html(entry: Disposition) -> str:
    """A page without scripts that loads nothing, to be kept, read and printed. The JSON certificate is inside, as a link."""
    text = canonical(as_json(entry))
    link = f"data:application/json;base64,{b64encode(text.encode('utf-8', 'surrogatepass')).decode()}"
    facts = view(entry)
    shown = {"entry": facts, "organization": entry.chain.organization, "canonical": canonical(entry.said()), "link": link}
    return render_to_string("retention/certificate.html", {**shown, "rows": _rows(facts), "commands": COMMANDS})


def file_name(entry: Disposition, ending: str) -> str:
    return f"disposition-{entry.number}.{ending}"


def _rows(facts: dict[str, Any]) -> list[tuple[str, str]]:
    """(words, value) of what is said in one line each."""
    named = {
        "Rows that went": facts["rowsPurged"],
        "Rows selected": facts["rowsSelected"],
        "From": ".".join(filter(None, [facts["source"], facts["schema"], facts["table"]])) + f" (dataset {facts['dataset']})",
        "Under": _under(facts),
        "Outcome": ": ".join(filter(None, [facts["outcome"], facts["outcomeBecause"]])),
        "Author": facts["author"],
        "Approved by": f"{facts['approvedBy']} at {facts['approvedAt']}" if facts["approvedBy"] else "no approval was asked for",
        "Approval was asked for because": facts["askedBecause"],
        "Ages counted from": facts["slot"],
        "Archived before": "yes, in the files below" if facts["archived"] else "no: deleted without an extract, as the rule says",
        "Began": facts["beganAt"],
        "Ended": facts["endedAt"],
        "Batches": f"{facts['batches']}; the longest held its locks for {facts['longestLockMs']} ms",
        "SHA-256 of the keys": facts["keySetSha256"],
        "SHA-256 of the manifest": facts["manifestSha256"],
    }
    return [(words, str(value)) for words, value in named.items() if value not in {"", None}]


def _under(facts: dict[str, Any]) -> str:
    rule, job = facts["rule"], facts["job"]
    if rule:
        return f"retention rule {rule['id']}, version {rule['version']}: {canonical(rule['terms'])}"
    return f"retention job {job['id']} ({job['kind']}): {canonical(job['criteria'])}"
