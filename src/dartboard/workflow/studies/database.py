"""The database that holds a study's state: how it is reached, its tables, and what a user is told if it fails."""

import json
import sqlite3
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Column, Float, Integer, MetaData, String, Table, Text, create_engine, event, text
from sqlalchemy.engine import URL, Connection, Engine, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, IntegrityError, NoSuchModuleError, SQLAlchemyError

from dartboard.errors import SettingsError, StateError
from dartboard.runs.files import read_json, write_json

__all__ = ["STUDIES", "TRIALS", "StudyDatabase", "recorded_place"]

STATE_FILE = "state.json"
SQLITE_FILE = "state.sqlite"

_PATIENCE_WITH_LOCKS = 60.0
"""Seconds that a write waits for others to finish theirs."""

_CONNECT_SECONDS = 10
_TRIES = 4
_PAUSE = 0.5
_DRIVERS = {"sqlite": "sqlite", "postgresql": "postgresql+psycopg", "postgres": "postgresql+psycopg"}
_CREATION_LOCK = 7_310_942
"""Number of the lock under which PostgreSQL creates the tables, since two processes may begin at once."""

Made = TypeVar("Made")

_METADATA = MetaData()

STUDIES = Table(
    "dartboard_studies",
    _METADATA,
    Column("study", String(32), primary_key=True),
    Column("layout", Integer, nullable=False),
    Column("threads", Integer),
)
"""One row for each study: the version of its rows, and the threads that each of its trials computes with."""

TRIALS = Table(
    "dartboard_trials",
    _METADATA,
    Column("study", String(32), primary_key=True),
    Column("key", String(200), primary_key=True),
    Column("position", Integer),
    Column("trial", Text, nullable=False),
    Column("status", String(8), nullable=False),
    Column("token", String(32)),
    Column("process", Text, nullable=False, default=""),
    Column("host", Text, nullable=False, default=""),
    Column("beats", Integer, nullable=False, default=0),
    Column("progress", Text, nullable=False, default="{}"),
    Column("failures", Integer, nullable=False, default=0),
    Column("losses", Integer, nullable=False, default=0),
    Column("seconds", Float),
    Column("error", Text, nullable=False, default=""),
    Column("origin", Text, nullable=False, default=""),
)
"""One row for each trial of each study; those that are not asked for at present have no position."""

LAYOUT = 1


class StudyDatabase:
    """Connections to the database of one study; usable from several threads.

    Args:
        url: a URL as SQLAlchemy takes it, `sqlite:///FILE` or `postgresql://USER@HOST/NAME`; None takes the one that
            the study used before, and for a new study a file in its directory.
        folder: directory of the study.
        shared: whether processes of several hosts may use it, for which SQLite must not share memory.

    Raises:
        SettingsError: the URL is none, or its database is of another kind, or the driver is not installed.
        StateError: the database does not answer, or another version of dartboard has written it.
    """

    def __init__(self, url: str | None, folder: Path, *, shared: bool = False) -> None:
        new = not (folder / STATE_FILE).exists()
        self.url, self.study, self.moved_from = _place_of(url, folder)
        try:
            self.engine = _engine(self.url, shared=shared)
            self.do(self._create)
        except (SettingsError, StateError):
            if new and url is not None:
                (folder / STATE_FILE).unlink(missing_ok=True)
            raise
        if url is not None:
            write_json(folder / STATE_FILE, {"study": self.study, "database": _without_password(self.url)})

    @property
    def is_file(self) -> bool:
        """Whether it is a file (SQLite) rather than a server."""
        return self.url.get_backend_name() == "sqlite"

    @property
    def place(self) -> str:
        """Where it is, for a message; without the password."""
        return str(self.url.database) if self.is_file else self.url.render_as_string(hide_password=True)

    @property
    def whole_url(self) -> str:
        """Its URL with the password; for another process only."""
        return self.url.render_as_string(hide_password=False)

    def do(self, work: Callable[[Connection], Made]) -> Made:
        """Do some work in one transaction; a lost connection or a lock of others is tried again.

        Raises:
            StateError: the database does not answer, or cannot be read or written.
        """
        for left in reversed(range(_TRIES)):
            try:
                with self.engine.begin() as connection:
                    return work(connection)
            except SQLAlchemyError as error:
                if left == 0 or not _passes(error):
                    raise StateError(self._sentence(error)) from error
                time.sleep(_PAUSE)
        raise AssertionError("unreachable")

    def close(self) -> None:
        """Close all connections."""
        self.engine.dispose()

    def _create(self, connection: Connection) -> None:
        if not self.is_file:
            connection.execute(text(f"SELECT pg_advisory_xact_lock({_CREATION_LOCK})"))
        _METADATA.create_all(connection)
        own = STUDIES.c.study == self.study
        layout = connection.execute(STUDIES.select().with_only_columns(STUDIES.c.layout).where(own)).scalar()
        if layout is None:
            connection.execute(STUDIES.insert().values(study=self.study, layout=LAYOUT))
        elif layout != LAYOUT:
            raise StateError(
                f"the state of the study in {self.place} is of version {layout}, and this version of dartboard reads "
                f"{LAYOUT}; go on with the version that began it, or name another database by --state."
            )

    def _sentence(self, error: SQLAlchemyError) -> str:
        reason = " ".join(str(getattr(error, "orig", None) or error).split())[:200].rstrip(".")
        remedy = "start it or correct --state"
        if self.is_file:
            damaged = "not a database" in reason or "malformed" in reason
            remedy = "delete it" if damaged else "make room, or see to it that the file can be written"
        return (
            f"the database of the study, {self.place}, does not answer as it should ({reason}); {remedy}, and "
            "give the same command again: what has ended is kept."
        )


def recorded_place(folder: Path) -> str | None:
    """The URL of the database that a study uses, without a password; None for the file in its directory."""
    path = folder / STATE_FILE
    return read_json(path).get("database") if path.exists() else None


def _place_of(url: str | None, folder: Path) -> tuple[URL, str, str | None]:
    """The URL of a study's database, the study's name in it, and the earlier URL where it was another."""
    path = folder / STATE_FILE
    given = None if url is None else _parsed(url)
    if not path.exists():
        _record_once(path, {"study": uuid.uuid4().hex, "database": None if given is None else _without_password(given)})
    recorded = read_json(path)
    try:
        study, earlier = str(recorded["study"]), recorded["database"]
    except (KeyError, TypeError) as error:
        raise StateError(f"{path} is damaged; delete it, and give the same command again: no trial is lost.") from error
    if given is None:
        own = URL.create("sqlite", database=str((folder / SQLITE_FILE).resolve()))
        return (own if earlier is None else _parsed(earlier)), study, None
    return given, study, (earlier or SQLITE_FILE) if _without_password(given) != earlier else None


def _without_password(url: URL) -> str:
    return url._replace(password=None).render_as_string(hide_password=False)


def _record_once(path: Path, content: dict[str, Any]) -> None:
    """Write a file unless another process was faster."""
    path.parent.mkdir(parents=True, exist_ok=True)
    own = path.with_name(f".{path.name}.{uuid.uuid4().hex}.tmp")
    write_json(own, content)
    try:
        path.hardlink_to(own)
    except FileExistsError:
        pass
    except OSError:  # the file system has no links
        own.replace(path)
    finally:
        own.unlink(missing_ok=True)


def _parsed(url: str) -> URL:
    known = "give one as in postgresql://USER@HOST/NAME, or sqlite:///FILE"
    try:
        made = make_url(url)
    except (ArgumentError, ValueError) as error:
        raise SettingsError(f"'{url}' is no URL of a database; {known}.") from error
    kind = made.drivername.partition("+")[0]
    if kind not in _DRIVERS:
        raise SettingsError(f"a study cannot keep its state in a database of the kind '{kind}'; {known}.")
    if kind == "sqlite" and not made.database:
        raise SettingsError(f"'{url}' names no file, and worker processes could not see it; {known}.")
    if kind == "sqlite":
        return made.set(database=str(Path(str(made.database)).resolve()))
    return made if "+" in made.drivername else made.set(drivername=_DRIVERS[kind])


def _engine(url: URL, *, shared: bool) -> Engine:
    file = url.get_backend_name() == "sqlite"
    limits = {"timeout": _PATIENCE_WITH_LOCKS} if file else {"connect_timeout": _CONNECT_SECONDS}
    try:
        engine = create_engine(url, pool_pre_ping=not file, connect_args=limits)
    except (ModuleNotFoundError, NoSuchModuleError) as error:
        raise SettingsError(
            "a PostgreSQL database needs a driver that is not installed: pip install 'dartboard[postgres]'."
        ) from error
    if file:
        event.listen(engine, "connect", lambda connection, _: _prepare(connection, shared=shared))
        # Reading first and writing later in one transaction fails at once if another has written in between.
        event.listen(engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN IMMEDIATE"))
    return engine


def _prepare(connection: sqlite3.Connection, *, shared: bool) -> None:
    connection.isolation_level = None
    # The log beside the file lives in shared memory, which several hosts do not have.
    with _any_mode_will_do():
        connection.execute(f"PRAGMA journal_mode={'delete' if shared else 'wal'}")
    connection.execute("PRAGMA synchronous=normal" if not shared else "PRAGMA synchronous=full")


@contextmanager
def _any_mode_will_do() -> Iterator[None]:
    """Some file systems know only one way, and another process may be using the other: both are safe."""
    try:
        yield
    except sqlite3.OperationalError:
        return


def _passes(error: SQLAlchemyError) -> bool:
    """Whether an error may be gone in a moment: a connection that broke, a lock of others, a race to be first."""
    if isinstance(error, IntegrityError):
        return True
    told = str(error).lower()
    lost = isinstance(error, DBAPIError) and error.connection_invalidated
    return lost or "locked" in told or "deadlock" in told or "closed" in told


def as_text(content: Any) -> str:
    """Plain data as the text of a column."""
    return json.dumps(content, default=str)
