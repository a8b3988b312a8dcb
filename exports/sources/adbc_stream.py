"""A connection that gives the rows of a query as Arrow batches. ADBC's own DB-API would load Polars, 25 MB that nothing here uses."""

import adbc_driver_manager as adbc
import pyarrow as pa

Error = adbc.Error


class Stream:
    """One query at a time. Any thread may cancel it."""

    def __init__(self, database: adbc.AdbcDatabase) -> None:
        self._database = database
        self._connection = adbc.AdbcConnection(database)
        self._statement: adbc.AdbcStatement | None = None
        self._batches: pa.RecordBatchReader | None = None

    def execute(self, command: str) -> None:
        with adbc.AdbcStatement(self._connection) as statement:
            statement.set_sql_query(command)
            statement.execute_update()

    def query(self, query: str, **options: str) -> pa.RecordBatchReader:
        """The batches, until end() or close()."""
        self._statement = adbc.AdbcStatement(self._connection)
        self._statement.set_options(**options)
        self._statement.set_sql_query(query)
        handle, _ = self._statement.execute_query()
        self._batches = pa.RecordBatchReader.from_stream(handle)
        return self._batches

    def cancel(self) -> None:
        statement = self._statement
        if statement is not None:
            statement.cancel()

    def end(self) -> None:
        """Leave the query."""
        batches, self._batches = self._batches, None
        if batches is not None:
            batches.close()
        statement, self._statement = self._statement, None
        if statement is not None:
            statement.close()

    def close(self) -> None:
        self.end()
        self._connection.close()
        self._database.close()
