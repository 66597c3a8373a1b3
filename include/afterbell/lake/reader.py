"""Reading the lake without Spark: PyIceberg for tables, DuckDB for questions in SQL. Nothing here writes."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.dataset as ds
from pyiceberg import expressions as ice
from pyiceberg.catalog import Catalog
from pyiceberg.catalog.sql import SqlCatalog
from pyiceberg.exceptions import NoSuchTableError
from pyiceberg.io.pyarrow import PyArrowFileIO, schema_to_pyarrow
from pyiceberg.table import Table as IcebergTable
from pyiceberg.table.snapshots import Snapshot
from sqlalchemy.exc import SQLAlchemyError

from afterbell.config.runtime import Runtime
from afterbell.errors import ConfigError, StoreConfigError
from afterbell.lake.missing_files import lost
from afterbell.lake.tables import CATALOG


def catalog_uri(jdbc: str) -> str:
    """The SQLAlchemy address of the catalog that Spark opens by a JDBC address.

    Raises:
        ConfigError: neither SQLite nor PostgreSQL.
    """
    if match := re.fullmatch(r"jdbc:sqlite:(?:file:)?(/[^?]+)(?:\?.*)?", jdbc):
        return f"sqlite:///{match[1]}"
    if match := re.fullmatch(r"jdbc:postgresql:(//.+)", jdbc):
        return f"postgresql+psycopg2:{match[1]}"
    raise ConfigError(f"lake catalog {jdbc!r}: expected jdbc:sqlite:/path or jdbc:postgresql://host/database")


def open_catalog(runtime: Runtime) -> Catalog:
    """The lake's catalog, for reading.

    Raises:
        StoreConfigError: there is no catalog at that address yet.
    """
    _require_file(runtime.lake.catalog)
    properties = {
        "uri": catalog_uri(runtime.lake.catalog),
        "warehouse": runtime.lake.warehouse,
        "init_catalog_tables": "false",
        "py-io-impl": "pyiceberg.io.pyarrow.PyArrowFileIO",
        "s3.region": runtime.s3.region,
    }
    if runtime.s3.endpoint:
        properties |= {"s3.endpoint": runtime.s3.endpoint, "s3.force-virtual-addressing": "false"}
    catalog = SqlCatalog(CATALOG, **properties)
    try:
        catalog.list_namespaces()
    except SQLAlchemyError as error:
        raise StoreConfigError(
            f"the lake's catalog {runtime.lake.catalog} cannot be read ({type(error).__name__}): nothing was ingested "
            "there yet, or the address is wrong; `./afterbell doctor` shows it"
        ) from error
    return catalog


def _require_file(jdbc: str) -> None:
    # SQLite would make an empty file of a wrong path.
    uri = catalog_uri(jdbc)
    if uri.startswith("sqlite:///") and not Path(uri.removeprefix("sqlite:///")).is_file():
        raise StoreConfigError(f"the lake's catalog {jdbc} does not exist: nothing was ingested; try ./afterbell run")


def table_names(catalog: Catalog) -> list[str]:
    """Every table of the lake, as ``namespace.table``."""
    return sorted(".".join(name) for space in catalog.list_namespaces() for name in catalog.list_tables(space))


def _table(catalog: Catalog, name: str) -> IcebergTable:
    try:
        return catalog.load_table(name)
    except NoSuchTableError as error:
        tables = ", ".join(table_names(catalog)) or "none"
        raise ConfigError(f"the lake has no table {name!r}; it has: {tables}") from error


def open_table(runtime: Runtime, name: str) -> IcebergTable:
    """One table of the lake, for reading.

    Raises:
        ConfigError: there is no such table; the message lists those there are.
        StoreConfigError: there is no catalog yet.
    """
    return _table(open_catalog(runtime), name)


def scan(
    runtime: Runtime, name: str, columns: Sequence[str] = ("*",), where: ice.BooleanExpression | None = None
) -> pa.Table:
    """Rows of one table, at the head of ``main``.

    Args:
        runtime: where the lake is.
        name: ``namespace.table``.
        columns: those to read, all by default.
        where: a PyIceberg expression; files that can't match are not opened.

    Raises:
        ConfigError: there is no such table; the message lists those there are.
        ObjectMissingError: a file of it is gone.
    """
    table = _table(open_catalog(runtime), name)
    try:
        return table.scan(row_filter=where or ice.AlwaysTrue(), selected_fields=tuple(columns)).to_arrow()
    except FileNotFoundError as error:
        raise lost(name, str(error)) from error


def column_names(runtime: Runtime, name: str) -> list[str]:
    """The columns of a table; an old lake lacks those that were added since.

    Raises:
        ConfigError: there is no such table; the message lists those there are.
    """
    return list(_table(open_catalog(runtime), name).schema().column_names)


def history(runtime: Runtime, name: str) -> tuple[int | None, dict[int, Snapshot]]:
    """The head of ``main`` of a table, None where nothing was committed, and all snapshots that are kept, by id.

    Raises:
        ConfigError: there is no such table; the message lists those there are.
    """
    table = _table(open_catalog(runtime), name)
    head = table.current_snapshot()
    snapshots = {snapshot.snapshot_id: snapshot for snapshot in table.snapshots()}
    return None if head is None else head.snapshot_id, snapshots


def heads(runtime: Runtime, names: Sequence[str]) -> list[int | None]:
    """The heads of ``main`` of tables, None for one that isn't there or holds nothing."""
    catalog = open_catalog(runtime)
    tables = set(table_names(catalog))
    snapshots = [catalog.load_table(name).current_snapshot() if name in tables else None for name in names]
    return [None if snapshot is None else snapshot.snapshot_id for snapshot in snapshots]


def query(runtime: Runtime, sql: str) -> pa.Table:
    """Answer one SELECT over the lake's tables, named ``namespace.table``; DuckDB's dialect, read-only.

    Raises:
        ConfigError: it is not one SELECT, a table isn't there (the message lists those there are), or DuckDB
            refuses it.
    """
    # No files, no network, no extensions, no Python variables: only the views registered below can be read.
    settings = {"enable_external_access": False, "python_enable_replacements": False, "threads": 2}
    with duckdb.connect(":memory:", config=settings) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        try:
            statements = connection.extract_statements(sql)
            if len(statements) != 1 or statements[0].type != duckdb.StatementType.SELECT:
                raise ConfigError("expected one SELECT statement, such as SELECT count(*) FROM market.bars")
            catalog = open_catalog(runtime)
            # The names come with their aliases: market.bars AS b.
            names = {name.split(" AS ")[0].replace('"', "") for name in connection.get_table_names(sql, qualified=True)}
            for name in sorted(names):
                _register(connection, catalog, name)
            connection.execute("SET lock_configuration = true")
            return connection.sql(sql).to_arrow_table()
        except duckdb.Error as error:
            raise ConfigError(f"query: {error}") from error


def _register(connection: duckdb.DuckDBPyConnection, catalog: Catalog, name: str) -> None:
    if re.fullmatch(r"[A-Za-z0-9_]+\.[A-Za-z0-9_]+", name) is None:
        raise ConfigError(
            f"the lake has no table {name!r}; name one with its namespace: {', '.join(table_names(catalog)) or 'none'}"
        )
    namespace, short = name.split(".")
    view = f"_lake_{namespace}_{short}"
    connection.register(view, _dataset(_table(catalog, name)))
    connection.execute(f'CREATE SCHEMA IF NOT EXISTS "{namespace}"')
    connection.execute(f'CREATE VIEW "{namespace}"."{short}" AS SELECT * FROM "{view}"')  # noqa: S608 - matched above


def _dataset(table: IcebergTable) -> ds.Dataset:
    """The table's files as an Arrow dataset, from which DuckDB takes only the columns and row groups it needs.

    The lake's tables are append-only, so their files hold the rows and nothing else does. A table that some other
    writer has deleted from is read through PyIceberg instead, whole.
    """
    schema = schema_to_pyarrow(table.schema(), include_field_ids=False)
    tasks = list(table.scan().plan_files())
    if any(task.delete_files for task in tasks) or not isinstance(table.io, PyArrowFileIO):
        return ds.dataset(table.scan().to_arrow())
    paths = [PyArrowFileIO.parse_location(task.file.file_path) for task in tasks]
    if not paths:
        return ds.dataset(schema.empty_table())
    scheme, netloc, _ = paths[0]
    filesystem = table.io.fs_by_scheme(scheme, netloc)
    return ds.dataset([path for _, _, path in paths], schema=schema, format="parquet", filesystem=filesystem)
