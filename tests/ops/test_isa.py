"""The tests of this folder once more under every instruction set that the machine has.

The instruction set is chosen once for each process, so each one takes a process of its own.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from gibbslab import _core

HERE = Path(__file__).parent
FORCED = "GIBBSLAB_ISA"


@pytest.fixture(autouse=True)
def on_every_device() -> None:
    """Takes the place of this folder's fixture: instruction sets are the CPU's alone."""


def under(isa: str, *command: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, FORCED: isa}
    return subprocess.run(
        [sys.executable, *command], env=environment, capture_output=True, text=True, timeout=300
    )


@pytest.mark.parametrize("isa", _core.available_isas())
def test_ops_under_a_forced_instruction_set(isa: str) -> None:
    named = under(isa, "-c", "from gibbslab import _core; print(_core.isa())")
    assert named.stdout.strip() == isa, named.stderr
    if isa == _core.isa():
        return  # this very process runs the others
    options = ["-q", "-p", "no:cacheprovider", "-k", "not cuda", "--ignore", __file__]
    done = under(isa, "-m", "pytest", *options, str(HERE))
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
    assert " passed" in done.stdout


def test_the_baseline_is_always_there() -> None:
    assert _core.available_isas()[0] == "baseline"
    assert _core.isa() in _core.available_isas()


def test_an_unknown_instruction_set_is_refused() -> None:
    done = under("sse9", "-c", "from gibbslab import _core; _core.isa()")
    assert done.returncode == 1
    assert "[kernels] GIBBSLAB_ISA must name an instruction set of this machine" in done.stderr
