"""Start every process of config/Procfile and stop them together: `python -m config.supervise`. PORT is the web server's.

Honcho does the work. What is added: a stop that arrives while processes are still being started waits until all of them
have, since honcho can only stop what it knows (and then ignores a second signal, so that all would go on for ever).
"""

import os
import sys
from pathlib import Path

from honcho import manager
from honcho.environ import expand_processes, parse_procfile
from honcho.manager import Manager
from honcho.printer import Printer

PATIENCE = 10
"""Seconds until a process that does not stop is killed, with its children."""


class Supervisor(Manager):  # type: ignore[misc] # published without types
    def __init__(self) -> None:
        super().__init__(Printer(sys.stdout))
        self._stop_wanted = False

    def terminate(self) -> None:
        self._stop_wanted = True
        if self._all_started():
            super().terminate()

    def _any_stopped(self) -> bool:
        """Honcho's loop asks this once all are started; when it is so, it terminates the others, and kills them in the end."""
        return self._stop_wanted or bool(super()._any_stopped())


def main() -> int:
    manager.KILL_WAIT = PATIENCE
    procfile = parse_procfile((Path(__file__).parent / "Procfile").read_text())
    supervisor = Supervisor()
    for process in expand_processes(procfile.processes, port=int(os.environ.get("PORT", "8000"))):
        supervisor.add_process(process.name, process.cmd, env={**os.environ, **process.env})
    supervisor.loop()
    return int(supervisor.returncode)


if __name__ == "__main__":
    sys.exit(main())
