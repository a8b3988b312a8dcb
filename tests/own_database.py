"""The tests of what the database decides, once more with PostgreSQL as Strongroom's own: `python -m tests.own_database`."""

import os
import socket
import subprocess
import sys
from pathlib import Path

URL = "postgres://postgres@127.0.0.1:5432/postgres"
CHOSEN = (
    *(f"exports/{name}" for name in ("test_run_*.py", "test_wake.py", "test_schedule*.py", "test_jobs*.py", "test_runs*.py")),
    "accounts/test_audit*.py",
    "exports/test_audit*.py",
    "retention/test_holds.py",
    "retention/test_disposition*.py",
)


def main(words: list[str]) -> int:
    try:
        socket.create_connection(("127.0.0.1", 5432), timeout=2).close()
    except OSError:
        print("SKIPPED: PostgreSQL as Strongroom's own database; no server listens on port 5432.")
        return 1 if os.environ.get("CI") else 0
    print("Once more, with PostgreSQL as Strongroom's own database:", flush=True)
    files = sorted(str(path) for name in CHOSEN for path in Path("tests").glob(name))
    environment = {**os.environ, "STRONGROOM_DATABASE_URL": URL}
    return subprocess.run([sys.executable, "-m", "pytest", *words, *files], env=environment, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
