"""Brings the tables of an older version up to the one known here."""

from __future__ import annotations

from sqlalchemy import Connection, inspect, update
from sqlalchemy.schema import CreateColumn

from distributor.store.schema import SCHEMA_VERSION, metadata, schema

#: Versions that lack tables, or columns that may be NULL, and nothing else.
UPGRADABLE = range(1, SCHEMA_VERSION)


def upgrade(connection: Connection) -> None:
    """Add what is missing, in the transaction of the connection; what is kept stays."""
    metadata.create_all(connection)
    found = inspect(connection)
    quoted = connection.dialect.identifier_preparer
    for table in metadata.sorted_tables:
        there = {column["name"] for column in found.get_columns(table.name)}
        for column in table.columns:
            if column.name not in there:
                told = CreateColumn(column).compile(dialect=connection.dialect)
                connection.exec_driver_sql(
                    f"ALTER TABLE {quoted.format_table(table)} ADD COLUMN {told}"
                )
    connection.execute(update(schema).values(version=SCHEMA_VERSION))
