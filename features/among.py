"""Whether a column is one of many ids, as one parameter.

An ``IN`` with a parameter for each id costs more to write than to answer. SQLite reads the ids from
a JSON list, PostgreSQL from an array; both look each of them up in an index where there is one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement


class _Ids(sa.types.TypeDecorator[Any]):
    """A list of texts as the database takes it in one parameter."""

    impl = sa.Text
    cache_ok = True

    def load_dialect_impl(self, dialect: sa.Dialect) -> sa.types.TypeEngine[Any]:
        """Return the type of the parameter."""
        return ARRAY(sa.Text) if dialect.name == "postgresql" else sa.Text()

    def process_bind_param(self, value: Any, dialect: sa.Dialect) -> Any:
        """Return the ids as they are sent."""
        return value if dialect.name == "postgresql" else msgspec.json.encode(value).decode()


class _Among(FunctionElement[Any]):
    """Has no type: to one that is true or false SQLAlchemy adds ``= 1``, and no index fits then."""

    inherit_cache = True


@compiles(_Among)
def _among_json(element: _Among, compiler: Any, **options: Any) -> str:
    column, ids = (compiler.process(part, **options) for part in element.clauses)
    return f"{column} IN (SELECT value FROM json_each({ids}))"


@compiles(_Among, "postgresql")
def _among_array(element: _Among, compiler: Any, **options: Any) -> str:
    column, ids = (compiler.process(part, **options) for part in element.clauses)
    return f"{column} = ANY({ids})"


def among(column: sa.ColumnElement[Any], ids: Sequence[str] | str) -> sa.ColumnElement[bool]:
    """Return whether a column of text is one of the ids, or of a parameter of that name.

    Examples
    --------
    >>> engine = sa.create_engine("sqlite://")
    >>> table = sa.Table("words", sa.MetaData(), sa.Column("word", sa.Text))
    >>> with engine.begin() as connection:
    ...     table.create(connection)
    ...     _ = connection.execute(table.insert(), [{"word": "a"}, {"word": "b"}])
    ...     connection.scalars(sa.select(table).where(among(table.c.word, ["b", "c"]))).all()
    ['b']
    """
    if isinstance(ids, str):
        return _Among(column, sa.bindparam(ids, type_=_Ids()))
    return _Among(column, sa.bindparam(None, list(ids), type_=_Ids(), unique=True))
