"""Fill a contact-history source with believable rows: the same rows for the same size, on every machine.

Every value is computed from the row's number by integer arithmetic (splitmix64), so nothing depends on a random
generator's version, and any slice can be made without the ones before it.
"""

from collections.abc import Iterator
from datetime import UTC, datetime

import polars as pl
from sqlalchemy import Connection, Engine, Table, create_engine

from exports.sources.contact_history import MEDIA, attachments, contacts, interactions, metadata

SLICE = 50_000
EPOCH = datetime(2023, 1, 1, tzinfo=UTC)
SPAN_SECONDS = 3 * 365 * 86_400

FIRST = (
    "Ana Bjørn Chloé Dmitri Elif Farah Gwen Hiroshi Ines João Kofi Lena Mohammed Nadia Oluwaseun Priya Quentin Renée "
    "Søren Thảo Umar Valentina Wei Xochitl Yuki Zoë Łukasz Éva 美咲 Θεοδώρα"
).split()
LAST = (
    "Abbott Brännström Castillo Diallo Eriksson Fernández García Hübner Ivanov Jansen Kowalski López Müller Nakamura "
    "O'Brien Petrović Quiroga Rossi Şahin Tanaka Ueda Vasquez Weiß Xu Yılmaz Zhang 山田 Παππάς"
).split()
PRODUCTS = "router invoice tablet contract modem parcel subscription refund password headset tariff voucher".split()
OPENINGS = (
    "Hello, I am writing about my {p}.",
    "Good morning! My {p} stopped working last night 😟",
    "I was promised a call back about the {p} and nobody rang.",
    "Could you please check the {p} on my account?",
    "The {p} arrived damaged, photos are attached.",
    "Guten Tag, leider funktioniert mein(e) {p} nicht mehr.",
    "Bonjour, je n'ai toujours pas reçu mon {p}.",
    "お世話になります。{p}の件でご連絡しました。",
)
MIDDLES = (
    "It has happened twice this week, always after 18:00.",
    'The page says "error 0x80070057" and then closes.',
    "I have already restarted it, reset it and changed the cable.",
    "My order number is on the invoice that you sent me in March.",
    "The colleague I spoke to said that it would take 3–5 days.",
    "C:\\Users\\me\\Documents\\receipt.pdf is the file that I tried to upload.",
    "I can be reached between 9 and 12, or by e-mail at any time.",
    "Nothing of this is in the contract that I signed.",
    "Thank you for explaining the steps so patiently, that helped.",
    "We agreed on a discount of 15 %, but the bill shows none.",
    "Please escalate this to somebody who can decide.",
    "I attach the serial number and a photo of the label.",
)
CLOSINGS = (
    "Kind regards",
    "Thanks a lot, have a nice day!",
    "I expect an answer by Friday.",
    "Mit freundlichen Grüßen",
    "Bien cordialement",
    "よろしくお願いいたします。",
    "Sent from my phone",
    "Agent: I have opened a ticket for you.\nCustomer: perfect, thank you!",
)
QUEUES = ("Billing", "Technical support", "Sales EMEA", "Retention desk", "Vertrieb DACH", "Service après-vente")
COMMENTS = ("called back", "resolved at first contact", "waiting for parts; see thread", 'customer said "never mind"')
MIMETYPES = (
    ("image/jpeg", "photo"),
    ("application/pdf", "receipt"),
    ("text/plain", "log"),
    ("audio/ogg", "voice-note"),
)


def _number(salt: int, below: int) -> pl.Expr:
    """A pseudo-random integer in 0 … below-1 for the column `i` (uint64); another salt is another sequence."""
    x = (pl.col("i") * 4096 + salt + 1) * pl.lit(0x9E3779B97F4A7C15, dtype=pl.UInt64)
    x = (x ^ (x // 2**30)) * pl.lit(0xBF58476D1CE4E5B9, dtype=pl.UInt64)
    x = (x ^ (x // 2**27)) * pl.lit(0x94D049BB133111EB, dtype=pl.UInt64)
    return (x ^ (x // 2**31)) % below


def _pick(pool: tuple[str, ...] | list[str], salt: int) -> pl.Expr:
    return pl.lit(pl.Series(pool)).gather(_number(salt, len(pool)))


def _maybe(value: pl.Expr, salt: int, percent: int) -> pl.Expr:
    """`value` in so many per cent of the rows, NULL in the others."""
    return pl.when(_number(salt, 100) < percent).then(value)


def _id(prefix: str, number: pl.Expr) -> pl.Expr:
    return pl.format(prefix + "{}", number.cast(pl.String).str.zfill(16 - len(prefix)))


def _fraction(salt: int, below: int, scale: int) -> pl.Expr:
    return (_number(salt, below).cast(pl.Int64) - below // 3).cast(pl.Decimal(18, 4)) / pl.lit(scale).cast(pl.Decimal(18, 0))


def _moment(salt: int) -> pl.Expr:
    """A moment with microseconds in the three years after EPOCH; one row in 5 000 is an old letter of before 1970."""
    micro = _number(salt, SPAN_SECONDS * 1_000_000).cast(pl.Int64)
    old = pl.when(_number(salt + 1, 5_000) == 0).then(pl.lit(-60 * 365 * 86_400 * 1_000_000)).otherwise(0)
    return (micro + old + int(EPOCH.timestamp()) * 1_000_000).cast(pl.Datetime("us", "UTC"))


def _text(salt: int) -> pl.Expr:
    filled = [o.format(p=p) for o in OPENINGS for p in PRODUCTS]
    short = pl.concat_str(
        _pick(filled, salt),
        _pick(MIDDLES, salt + 1),
        pl.format("Reference {}-{}.", _number(salt + 2, 10**6), _number(salt + 3, 10**9)),
        _pick(MIDDLES, salt + 4),
        _pick(CLOSINGS, salt + 5),
        separator=" ",
    )
    return pl.when(_number(salt + 6, 200) == 0).then(pl.concat_str([short] * 12, separator="\n\n")).otherwise(short)


def contact_rows(start: int, stop: int) -> pl.DataFrame:
    """Contacts number start … stop-1."""
    first, last = _pick(FIRST, 1), _pick(LAST, 2)
    return _numbers(start, stop).select(
        ContactId=_id("C", pl.col("i")),
        tenantid=pl.lit(101),
        createddate=_moment(3),
        modifieddate=_maybe(_moment(3) + pl.duration(minutes=_number(5, 90_000)), 6, 60),
        firstname=first,
        lastname=_maybe(last, 7, 95),
        emailaddress=_maybe(pl.format("user{}@example.org", pl.col("i")), 8, 80),
        phonenumber=_maybe(pl.format("+44 20 7946 {}", _number(9, 10_000).cast(pl.String).str.zfill(4)), 10, 70),
        birthdate=_maybe((_number(11, 25_000).cast(pl.Int32) - 14_600).cast(pl.Date), 12, 75),
        lifetimevalue=_maybe(_fraction(13, 10**8, 1000), 14, 90),
        satisfaction=_maybe(_number(15, 10_001).cast(pl.Float64) / 1000.0, 16, 50),
        attributes=_maybe(
            pl.format(
                '{{"segment": "{}", "loyalty": {{"points": {}, "tier": {}}}, "tags": ["{}", "{}"]}}',
                _pick(["consumer", "small business", "enterprise", "öffentlich"], 17),
                _number(18, 100_000),
                _pick(['"gold"', '"silver"', "null"], 19),
                _pick(PRODUCTS, 20),
                _pick(PRODUCTS, 21),
            ),
            22,
            85,
        ),
    )


_SUBTYPES = (
    ("Inbound", "InboundNew"),
    ("Inbound", "InboundCustomerReply"),
    ("Outbound", "OutboundNew"),
    ("Outbound", "OutboundReply"),
)


def interaction_rows(start: int, stop: int, total_contacts: int) -> pl.DataFrame:
    """Interactions number start … stop-1, each of one of the contacts or (one in 25) of none."""
    begin = _moment(30)
    end = begin + pl.duration(microseconds=_number(33, 7_200_000_000))
    html = _number(34, 100) < 20
    return _numbers(start, stop).select(
        id=_id("00027a", pl.col("i")),
        status=_number(35, 4).cast(pl.Int16),
        entityTypeId=_number(36, 5).cast(pl.Int32),
        mediaTypeId=_pick(MEDIA, 37),
        typeId=_pick([t for t, _ in _SUBTYPES], 38),
        subtypeId=_pick([s for _, s in _SUBTYPES], 38),
        externalId=_maybe(pl.format("{}-{}", _number(39, 10**12), _number(40, 10**6)), 41, 65),
        ownerId=_maybe(_number(42, 900).cast(pl.Int32) + 100, 43, 90),
        contactId=_maybe(_id("C", _number(44, max(total_contacts, 1))), 45, 96),
        parentId=_maybe(_id("00027a", pl.col("i") // 2), 46, 30),
        startDate=begin,
        modifiedDate=_maybe(end + pl.duration(seconds=_number(47, 86_400)), 48, 70),
        endDate=_maybe(end, 49, 92),
        threadId=pl.format("T{}", _number(50, 10**9)),
        categoryId=_maybe(pl.format("cat-{}", _number(51, 40)), 52, 55),
        subject=_maybe(
            pl.format("{} {} #{}", _pick(["Re:", "Fwd:", "Anfrage:", "About"], 53), _pick(PRODUCTS, 54), _number(55, 10**6)), 56, 88
        ),
        text=_maybe(_text(60), 57, 94),
        structuredText=pl.when(html).then(pl.format('<p class="body">{}</p>', _text(70))),
        structTextMimetype=pl.when(html).then(pl.lit("text/html")),
        theComment=_maybe(_pick(COMMENTS, 80), 81, 25),
        tenantId=pl.lit(101),
        queueName=_maybe(_pick(QUEUES, 82), 83, 93),
        cost=_maybe(_fraction(84, 10**7, 1000), 85, 80),
        sentiment=_maybe(_number(86, 2_000_001).cast(pl.Float64) / 1_000_000.0 - 1.0, 87, 75),
        allAttributes=_maybe(
            pl.format(
                '{{"GSW_CALL_TYPE": "{}", "Language": "{}", "Wrap": {{"code": {}, "note": {}}}, "Skills": [{}, {}], "Vip": {}}}',
                _pick(["INBOUND", "OUTBOUND", "CONSULT"], 88),
                _pick(["en-GB", "de-DE", "fr-FR", "ja-JP", "pt-BR"], 89),
                _number(90, 60),
                _pick(['"follow up"', "null", '"Rückruf nötig"', '"\\"quoted\\" and \\\\ escaped"'], 91),
                _number(92, 30),
                _number(93, 30),
                _pick(["true", "false"], 94),
            ),
            95,
            90,
        ),
    )


def attachment_rows(start: int, stop: int) -> pl.DataFrame:
    """Attachments of interactions start … stop-1: every fourth has one, of 32 bytes to about 3 kB."""
    chosen = _numbers(start, stop).filter(_number(110, 4) == 0)
    kind = _number(111, len(MIMETYPES))
    words = [_number(120 + n, 2**63 - 1).cast(pl.String).str.zfill(19) for n in range(8)]
    body = pl.concat_str(words).str.head(128).str.decode("hex", strict=True)
    repeats = (_number(113, 100) // 97 * 40 + 1).cast(pl.Int64)
    return (
        chosen.with_columns(content=body, repeats=repeats)
        .with_columns(content=pl.col("content").bin.encode("hex").repeat_by("repeats").list.join("").str.decode("hex"))
        .select(
            id=_id("A", pl.col("i")),
            entityid=_id("00027a", pl.col("i")),
            name=pl.format("{}-{}.bin", pl.lit(pl.Series([n for _, n in MIMETYPES])).gather(kind), pl.col("i")),
            mimetype=pl.lit(pl.Series([m for m, _ in MIMETYPES])).gather(kind),
            size=pl.col("content").bin.size().cast(pl.Int32),
            createddate=_moment(30),
            content=_maybe(pl.col("content"), 114, 99),
        )
    )


def _numbers(start: int, stop: int) -> pl.DataFrame:
    return pl.DataFrame({"i": pl.int_range(start, stop, dtype=pl.UInt64, eager=True)})


def _slices(total: int) -> Iterator[tuple[int, int]]:
    for start in range(0, total, SLICE):
        yield start, min(start + SLICE, total)


def fill(url: str, rows: int) -> dict[str, int]:
    """Create the three tables at `url` (SQLAlchemy) and fill them: `rows` interactions, a fifth as many contacts.

    Existing tables of these names are replaced. Gives the number of rows a table.
    """
    engine = create_engine(url)
    total_contacts = max(rows // 5, 1)
    counts = dict.fromkeys(("contacts", "interactions", "attachments"), 0)
    with engine.begin() as connection:
        metadata.drop_all(connection)
        metadata.create_all(connection)
        for start, stop in _slices(total_contacts):
            counts["contacts"] += _load(engine, connection, contacts, contact_rows(start, stop))
        for start, stop in _slices(rows):
            counts["interactions"] += _load(engine, connection, interactions, interaction_rows(start, stop, total_contacts))
            counts["attachments"] += _load(engine, connection, attachments, attachment_rows(start, stop))
    if engine.dialect.name == "postgresql":
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.exec_driver_sql("ANALYZE")
    engine.dispose()
    return counts


def _load(engine: Engine, connection: Connection, table: Table, frame: pl.DataFrame) -> int:
    if engine.dialect.name == "postgresql":
        _copy(connection, table, frame)
    else:
        _insert(connection, table, frame)
    return frame.height


def _copy(connection: Connection, table: Table, frame: pl.DataFrame) -> None:
    """PostgreSQL's own bulk path; a hundred times as fast as INSERT."""
    from psycopg import sql

    binary = [name for name, dtype in frame.schema.items() if dtype == pl.Binary]
    frame = frame.with_columns(("\\x" + pl.col(name).bin.encode("hex")).alias(name) for name in binary)
    command = sql.SQL("COPY {} ({}) FROM STDIN (FORMAT csv)").format(
        sql.Identifier(table.name), sql.SQL(", ").join(sql.Identifier(name) for name in frame.columns)
    )
    driver = connection.connection.driver_connection
    assert driver is not None
    with driver.cursor() as cursor, cursor.copy(command) as copy:
        copy.write(frame.write_csv(include_header=False, quote_style="non_numeric", datetime_format="%Y-%m-%dT%H:%M:%S%.6f%:z"))


def _insert(connection: Connection, table: Table, frame: pl.DataFrame) -> None:
    """Any other database. JSON goes in as the text that it is: decoding it to encode it again would be its only use."""
    names = ", ".join(connection.dialect.identifier_preparer.quote(name) for name in frame.columns)
    mark = "?" if connection.dialect.paramstyle == "qmark" else "%s"
    statement = f"INSERT INTO {table.name} ({names}) VALUES ({', '.join([mark] * frame.width)})"  # noqa: S608 names of our own schema
    if connection.dialect.name == "sqlite":
        frame = frame.with_columns(
            pl.col(pl.Datetime("us", "UTC")).dt.strftime("%Y-%m-%d %H:%M:%S%.6f"),
            pl.col(pl.Date).dt.strftime("%Y-%m-%d"),
            pl.col(pl.Decimal).cast(pl.Float64),
        )
    for batch in frame.iter_slices(2_000):
        connection.exec_driver_sql(statement, batch.rows())
