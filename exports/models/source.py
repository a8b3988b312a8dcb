"""Sources (databases that an organization owns) and their datasets (tables or views with roles)."""

from django.core.exceptions import ValidationError
from django.db import models
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from accounts.models import Organization
from accounts.secrets import EncryptedTextField


class Source(models.Model):
    class Kind(models.TextChoices):
        SQL = "sql", "SQL database"
        CONTACT_HISTORY = "contact-history", "Contact history"

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="sources")
    key = models.SlugField(max_length=80, help_text="How jobs name the source, e.g. contact-history.")
    name = models.CharField(max_length=200)
    kind = models.CharField(max_length=20, choices=Kind.choices, default=Kind.SQL)
    url = EncryptedTextField(
        help_text="SQLAlchemy URL, e.g. postgresql+psycopg://user:password@host/database. Encrypted at rest, never shown again."
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["organization", "key"], name="one_source_per_key")]

    def __str__(self) -> str:
        return self.name

    @property
    def address(self) -> str:
        """Where the source is, without anything secret: dialect, host, port and database only."""
        try:
            url = make_url(self.url)
        except ArgumentError:
            return "unreadable URL"
        host = f"{url.host or ''}{f':{url.port}' if url.port else ''}"
        return f"{url.get_backend_name()}://{host}/{url.database or ''}"


def _no_names() -> list[str]:
    return []


class Dataset(models.Model):
    """A table or view of a source with its roles.

    `columns` empty means all columns. `keep_column`/`keep_values`: a row whose column holds one of the values is open
    and is kept by every retention rule (semantics: an alarm that is not cleared).
    """

    source = models.ForeignKey(Source, on_delete=models.CASCADE, related_name="datasets")
    name = models.SlugField(max_length=100, help_text="The data type that jobs name, e.g. Interaction; also the first word of file names.")
    schema = models.CharField(max_length=200, blank=True)
    table = models.CharField(max_length=200)
    key_columns = models.JSONField(
        default=_no_names, blank=True, help_text="Primary key columns; without any, a run is one indivisible part."
    )
    columns = models.JSONField(default=_no_names, blank=True, help_text="Columns to export; empty exports all.")
    timestamp_column = models.CharField(max_length=200, blank=True, help_text="Decides whether a row is in a time frame.")
    modified_column = models.CharField(
        max_length=200, blank=True, help_text="Holds when a row last changed, e.g. modifiedDate: what DataSync needs. NULL counts as never."
    )
    subtype_column = models.CharField(max_length=200, blank=True, help_text="Holds the sub-type (media), e.g. chat or email.")
    source_column = models.CharField(max_length=200, blank=True)
    document_column = models.CharField(max_length=200, blank=True)
    keep_column = models.CharField(max_length=200, blank=True)
    keep_values = models.JSONField(default=_no_names, blank=True)
    parent = models.ForeignKey("self", null=True, blank=True, on_delete=models.CASCADE, related_name="children")
    parent_columns = models.JSONField(
        default=_no_names, blank=True, help_text="Columns here that refer to the parent's key columns, in order."
    )
    is_attachment = models.BooleanField(
        default=False, help_text="Exported with its parent, in its own part, when a job asks for attachments."
    )
    subtypes = models.JSONField(default=_no_names, blank=True, help_text="Known sub-types.")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["source", "name"], name="one_dataset_per_name")]

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        if self.parent and len(self.parent_columns) != len(self.parent.key_columns):
            raise ValidationError({"parent_columns": f"Name one column for each of the parent's key columns {self.parent.key_columns}."})
        if self.is_attachment and not self.parent:
            raise ValidationError({"parent": "An attachment dataset needs the dataset that it belongs to."})
