"""SQL statements: which kinds they are and which tables they touch, by sqlglot (extra `sql`)."""

import logging
import re
import threading
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

from tyrian.policy.refusal import Refusal
from tyrian.policy.schema import SqlSpec

MAX_CHARS = 65_536
_HINT = "write one plain statement"
_MISSING = "pip install 'tyrian[sql]'"
_CONDITIONAL = re.compile(r"/\*[!M+]")
"""MySQL runs what stands in such a comment; hints change what a statement does."""


@dataclass(frozen=True, slots=True)
class Statement:
    """What one argument holds."""

    text: str
    statements: tuple[str, ...]
    tables: tuple[str, ...]


class SqlRule:
    """Canonicalises and judges SQL."""

    def __init__(self, spec: SqlSpec) -> None:
        self._dialect = spec.dialect
        self._kinds = frozenset(kind.lower() for kind in spec.statements)
        self._tables = re.compile("|".join(map(_table_pattern, spec.tables)) or r"(?!)")
        self._functions = frozenset(name.lower() for name in spec.functions_deny)
        self._most = spec.max_statements

    def canonical(self, value: str) -> Statement:
        """The statements as the parser writes them; Refusal where one is not allowed."""
        if find_spec("sqlglot") is None:
            raise Refusal("sql.missing", "the SQL parser is not installed", _MISSING)
        if len(value) > MAX_CHARS or "\0" in value:
            raise Refusal("sql.uncertain", "the statement is too long or holds NUL", _HINT)
        if _CONDITIONAL.search(value):
            raise Refusal("sql.uncertain", "a comment in the statement may be run", _HINT)
        _quiet_parser()
        try:
            return self._judged(value)
        except Refusal:
            raise
        except Exception:  # noqa: BLE001  a parser that fails on a statement has not judged it
            raise Refusal("sql.uncertain", "the statement cannot be judged", _HINT) from None
        finally:
            _quiet.is_on = False

    def _judged(self, value: str) -> Statement:
        trees = _parsed(value, self._dialect)
        if not trees or len(trees) > self._most:
            reason = f"not between 1 and {self._most} statements"
            raise Refusal("sql.count", reason, "raise sql.max_statements")
        kinds, tables = [], []
        for tree in trees:
            kinds.append(self._judged_kind(tree))
            tables.extend(self._judged_tables(tree))
            self._judge_functions(tree)
        text = "; ".join(tree.sql(dialect=self._dialect or None, comments=False) for tree in trees)
        return Statement(text, tuple(kinds), tuple(dict.fromkeys(tables)))

    def _judged_kind(self, tree: Any) -> str:
        from sqlglot import exp

        kind = _kind(tree)
        writes = (exp.Insert, exp.Update, exp.Delete, exp.Merge, exp.DDL, exp.Drop, exp.Into)
        inner = {_kind(node) for node in tree.find_all(*writes)}
        for found in (kind, *sorted(inner)):
            if found not in self._kinds and not (found == "into" and "create" in self._kinds):
                hint = f"add {found} to sql.statements"
                raise Refusal("sql.statement", "a kind of statement is not allowed", hint)
        if tree.find(exp.Lock) and "lock" not in self._kinds:
            hint = "add lock to sql.statements"
            raise Refusal("sql.statement", "the statement locks rows", hint)
        return kind

    def _judged_tables(self, tree: Any) -> list[str]:
        from sqlglot import exp

        names = {cte.alias_or_name.lower() for cte in tree.find_all(exp.CTE)}
        found = []
        for table in tree.find_all(exp.Table):
            if not isinstance(table.this, exp.Identifier):
                raise Refusal("sql.table", "rows come from a function or a file", _HINT)
            name = ".".join(p for p in (table.catalog, table.db, table.name) if p).lower()
            if name in names:
                continue
            if not self._tables.fullmatch(name):
                hint = "add the table to sql.tables"
                raise Refusal("sql.table", "a table is not allowed", hint)
            found.append(name)
        return found

    def _judge_functions(self, tree: Any) -> None:
        from sqlglot import exp

        for function in tree.find_all(exp.Func):
            names = _function_names(function, self._dialect)
            if not names.isdisjoint(self._functions) or not names.isdisjoint(_DANGEROUS):
                raise Refusal("sql.function", "a function is not allowed", _HINT)


_DANGEROUS_WORDS = (
    "pg_read_file pg_read_binary_file pg_ls_dir pg_sleep lo_import lo_export dblink dblink_exec "
    "load_file load_extension readfile writefile edit fts3_tokenizer sys_exec sys_eval sleep "
    "benchmark xp_cmdshell openrowset opendatasource copy_from_program query_to_xml "
    "pg_reload_conf pg_terminate_backend set_config read_csv read_csv_auto read_parquet "
    "read_json read_text read_blob glob utl_http utl_file dbms_xslprocessor"
)
_DANGEROUS = frozenset(_DANGEROUS_WORDS.split())
"""Functions that read files, run programs or reach out, in one database or another."""


def _function_names(function: Any, dialect: str) -> set[str]:
    """What a function is called: by the parser, and in the text that is forwarded."""
    from sqlglot import exp

    written = function.sql(dialect=dialect or None).partition("(")[0]
    names = {function.name} if isinstance(function, exp.Anonymous) else set(function.sql_names())
    return {name.lower().rpartition(".")[2].strip('"`[] ') for name in {*names, written}}


def _kind(tree: Any) -> str:
    from sqlglot import exp

    if isinstance(tree, exp.Query):
        return "select"
    if isinstance(tree, exp.Command):
        return str(tree.name).lower() or "command"
    return str(tree.key).lower()


class _Quiet(threading.local):
    """Keeps the parser's warnings, which quote the statement, out of the log."""

    is_on = False

    def filter(self, record: logging.LogRecord) -> bool:
        return not self.is_on


_quiet = _Quiet()


def _quiet_parser() -> None:
    logger = logging.getLogger("sqlglot")
    if _quiet not in logger.filters:
        logger.addFilter(_quiet)
    _quiet.is_on = True


def dialect_fault(dialect: str) -> str:
    """What is wrong with the name of a dialect; '' where nothing is, or nobody can tell."""
    if not dialect or find_spec("sqlglot") is None:
        return ""
    from sqlglot.dialects.dialect import Dialect

    try:
        Dialect.get_or_raise(dialect)
    except ValueError:
        return "unknown dialect"
    return ""


def _parsed(text: str, dialect: str) -> tuple[Any, ...]:
    import sqlglot
    from sqlglot.errors import SqlglotError

    try:
        return tuple(t for t in sqlglot.parse(text, dialect=dialect or None) if t is not None)
    except (SqlglotError, RecursionError, ValueError):
        raise Refusal("sql.uncertain", "the statement cannot be parsed", _HINT) from None


def _table_pattern(pattern: str) -> str:
    return (
        r"(?:"
        + r"\.".join(
            "[^.]*".join(map(re.escape, part.split("*"))) for part in pattern.lower().split(".")
        )
        + ")"
    )
