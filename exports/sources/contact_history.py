"""The built-in source kind `contact-history`: the schema of a contact center's history (the UDM's UCS).

Column names are the field names of the exported JSON Lines, as the product's guides give them: an interaction line
carries `id`, `mediaTypeId`, `startDate`, …; a contact line `ContactId`, `tenantid`, `createddate`, …; an attachment line
refers to its interaction by `entityid`.
"""

from typing import Any

from sqlalchemy import (
    JSON,
    Column,
    Date,
    DateTime,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Numeric,
    SmallInteger,
    String,
    Table,
    Text,
)
from sqlalchemy.dialects import mysql, postgresql
from sqlalchemy.types import TypeEngine

KIND = "contact-history"

MEDIA = ("chat", "email", "voice", "sms", "workitem")


def _timestamp() -> TypeEngine[Any]:
    return DateTime(timezone=True).with_variant(mysql.DATETIME(fsp=6), "mysql", "mariadb")


def _long_text() -> TypeEngine[str]:
    return Text().with_variant(mysql.LONGTEXT(), "mysql", "mariadb")


def _document() -> TypeEngine[Any]:
    return JSON().with_variant(postgresql.JSONB(), "postgresql")


def _bytes() -> TypeEngine[bytes]:
    return LargeBinary().with_variant(mysql.LONGBLOB(), "mysql", "mariadb")


def _double() -> TypeEngine[Any]:
    return Float(precision=53)


metadata = MetaData()

contacts = Table(
    "contacts",
    metadata,
    Column("ContactId", String(16), primary_key=True),
    Column("tenantid", Integer, nullable=False),
    Column("createddate", _timestamp(), nullable=False),
    Column("modifieddate", _timestamp()),
    Column("firstname", String(80)),
    Column("lastname", String(80)),
    Column("emailaddress", String(120)),
    Column("phonenumber", String(32)),
    Column("birthdate", Date),
    Column("lifetimevalue", Numeric(14, 4)),
    Column("satisfaction", _double()),
    Column("attributes", _document()),
    Index("contacts_createddate", "createddate"),
)

interactions = Table(
    "interactions",
    metadata,
    Column("id", String(16), primary_key=True),
    Column("status", SmallInteger, nullable=False),
    Column("entityTypeId", Integer, nullable=False),
    Column("mediaTypeId", String(16), nullable=False),
    Column("typeId", String(16), nullable=False),
    Column("subtypeId", String(32), nullable=False),
    Column("externalId", String(64)),
    Column("ownerId", Integer),
    Column("contactId", String(16), ForeignKey("contacts.ContactId")),
    Column("parentId", String(16)),
    Column("startDate", _timestamp(), nullable=False),
    Column("modifiedDate", _timestamp()),
    Column("endDate", _timestamp()),
    Column("threadId", String(24)),
    Column("categoryId", String(24)),
    Column("subject", String(200)),
    Column("text", _long_text()),
    Column("structuredText", _long_text()),
    Column("structTextMimetype", String(40)),
    Column("theComment", String(400)),
    Column("tenantId", Integer, nullable=False),
    Column("queueName", String(64)),
    Column("cost", Numeric(12, 4)),
    Column("sentiment", _double()),
    Column("allAttributes", _document()),
    Index("interactions_startdate", "startDate"),
)

attachments = Table(
    "attachments",
    metadata,
    Column("id", String(16), primary_key=True),
    Column("entityid", String(16), ForeignKey("interactions.id"), nullable=False, index=True),
    Column("name", String(120), nullable=False),
    Column("mimetype", String(80), nullable=False),
    Column("size", Integer, nullable=False),
    Column("createddate", _timestamp(), nullable=False),
    Column("content", _bytes()),
)
