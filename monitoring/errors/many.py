"""Many rows changed by one prepared statement: building a query for each row costs more than the row itself."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from django.db import connection
from django.db.models import Field, Model


def update(rows: Iterable[Model], names: Sequence[str]) -> None:
    """Write these fields of rows that exist; one that is gone by now stays gone."""
    found = list(rows)
    if not found:
        return
    fields, key = _fields(found[0], names), _key(found[0])
    settings = ", ".join(f"{_quoted(field)} = %s" for field in fields)
    _each(f"UPDATE {_table(found[0])} SET {settings} WHERE {_quoted(key)} = %s", found, [*fields, key])  # noqa: S608


def add(rows: Iterable[Model], unique: Sequence[str], counter: str) -> None:
    """Add what each row counts to the row of the same `unique` fields, or make it the first."""
    found = list(rows)
    if not found:
        return
    fields = _fields(found[0], [*unique, counter])
    columns, table = [_quoted(field) for field in fields], _table(found[0])
    count = columns[-1]
    _each(
        f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({', '.join(['%s'] * len(columns))})"  # noqa: S608
        f" ON CONFLICT ({', '.join(columns[:-1])}) DO UPDATE SET {count} = {table}.{count} + excluded.{count}",
        found,
        fields,
    )


def _each(statement: str, rows: list[Model], fields: Sequence[Field[Any, Any]]) -> None:
    """Names come from our models alone; every value is a parameter."""
    values = [[field.get_db_prep_save(getattr(row, field.attname), connection) for field in fields] for row in rows]
    with connection.cursor() as cursor:
        cursor.executemany(statement, values)


def _fields(row: Model, names: Sequence[str]) -> list[Field[Any, Any]]:
    ours = {field.name: field for field in row._meta.concrete_fields}
    return [ours[name] for name in names]


def _key(row: Model) -> Field[Any, Any]:
    assert row._meta.pk is not None
    return row._meta.pk


def _quoted(field: Field[Any, Any]) -> str:
    assert field.column is not None  # of a concrete field it never is
    return connection.ops.quote_name(field.column)


def _table(row: Model) -> str:
    return connection.ops.quote_name(row._meta.db_table)
