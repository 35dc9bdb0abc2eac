"""Runs of pytest in forked children: python fork_server.py, which imports the package once.

Each line of the standard input is a run: {"arguments": [...], "settings": {...}, "log": path}. Its
exit code is a line of the standard output; what it prints goes to the log. The settings are
environment variables, which the extension reads after the fork, at first use.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import gibbslab  # noqa: F401
import hypothesis  # noqa: F401
import pytest
import reference  # noqa: F401
import thresholds  # noqa: F401


def run(arguments: list[str], settings: dict[str, str], log: str) -> None:
    os.environ.update(settings)
    with open(log, "wb", buffering=0) as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    code = pytest.main(arguments)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


for line in sys.stdin:
    child = os.fork()
    if child == 0:
        run(**json.loads(line))
    _, status = os.waitpid(child, 0)
    sys.stdout.write(f"{os.waitstatus_to_exitcode(status)}\n")
    sys.stdout.flush()
