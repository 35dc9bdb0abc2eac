"""Forked children with a time limit."""

from __future__ import annotations

import os
import signal
import sys
import time
import traceback
from collections.abc import Callable
from typing import Any

LIMIT_SECONDS = 20.0


def forked(task: Callable[[], Any]) -> int:
    """Run `task` in a forked child; its exit status as of `os.waitstatus_to_exitcode`.

    0 where it returned, 1 where it raised (the traceback is printed), minus the signal where one
    killed it. A child that is not done after 20 s is killed, and fails the test.
    """
    sys.stdout.flush()
    pid = os.fork()
    if pid == 0:
        _run(task)
    return _wait(pid)


def _run(task: Callable[[], Any]) -> None:
    status = 1
    try:
        task()
        status = 0
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(status)


def _wait(pid: int) -> int:
    end = time.monotonic() + LIMIT_SECONDS
    while time.monotonic() < end:
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.002)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    raise AssertionError(f"the child hung for {LIMIT_SECONDS} s")
