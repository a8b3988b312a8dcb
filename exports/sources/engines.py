"""SQLAlchemy's engines for sources: connected to a checked address of the source's host, and to nothing else."""

import sqlalchemy as sa
from sqlalchemy import exc
from sqlalchemy.engine import URL, Connection, Engine

from exports.sources.generic_types import arguments, pinned


def connect(url: URL) -> tuple[Engine, Connection]:
    """An engine and its first connection, to the first of the host's addresses that answers.

    Raises SourceError if the host may not be a source's, and what SQLAlchemy raises if the last address does not answer either.
    """
    *others, last = [
        sa.create_engine(each, poolclass=sa.NullPool, connect_args=arguments(url), hide_parameters=True) for each in pinned(url)
    ]
    for engine in others:
        try:
            return engine, engine.connect()
        except exc.OperationalError:
            continue
    return last, last.connect()
