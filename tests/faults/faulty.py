"""The package built with the planted faults, and test runs under one of them."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import sysconfig
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import pybind11

ROOT = Path(__file__).parents[2]


class Fault(NamedTuple):
    """What is wrong, and the tests that see it."""

    why: str
    tests: tuple[str, ...]


def on(device: str, test: str) -> str:
    """The test's name there: the device is its first parameter, but in tests of one device."""
    if test.startswith(("tests/cuda/", "tests/python/")):
        return test
    name, _, parameters = test.partition("[")
    return f"{name}[{device}-{parameters}" if parameters else f"{name}[{device}]"


def run(
    command: list[str], environment: dict[str, str], timeout: float = 500
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, env=environment, cwd=ROOT, capture_output=True, text=True, timeout=timeout
    )


def tool(name: str) -> str:
    """CMake and Ninja as installed beside this Python, else as found."""
    beside = shutil.which(name, path=sysconfig.get_path("scripts"))
    return beside or shutil.which(name) or name


def build(folder: Path) -> None:
    """The extension and the emulated plug-in, with the faults, from this checkout's sources."""
    settings = {
        "GIBBSLAB_PYTHON": "ON",
        "GIBBSLAB_FAULTS": "ON",
        "pybind11_DIR": os.environ.get("PYBIND11_DIR") or pybind11.get_cmake_dir(),
        "Python_EXECUTABLE": sys.executable,
        "GIBBSLAB_CUDA": "EMULATED",
        "CMAKE_MAKE_PROGRAM": tool("ninja"),
    }
    configure = [tool("cmake"), "-G", "Ninja", "-S", str(ROOT), "-B", str(folder)]
    configure += [f"-D{name}={value}" for name, value in settings.items()]
    for command in (
        configure,
        [tool("cmake"), "--build", str(folder), "--target", "_core", "_cuda"],
    ):
        done = run(command, dict(os.environ), timeout=1500)
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]


def make_package(folder: Path) -> None:
    """A package around the faulty extension in `folder`, which goes on PYTHONPATH."""
    build(folder / "build")
    skip = shutil.ignore_patterns("_core*.so", "_core*.pyd", "_cuda.so", "__pycache__")
    shutil.copytree(ROOT / "python" / "gibbslab", folder / "gibbslab", ignore=skip)
    built = [*(folder / "build").glob("_core*"), *(folder / "build").rglob("_cuda.so")]
    for extension in built:
        shutil.copy(extension, folder / "gibbslab")
    show = "from gibbslab import _core; print(_core.FAULTS_COMPILED_IN)"
    done = run([sys.executable, "-c", show], environment(folder))
    assert done.stdout.strip() == "True", done.stderr


def environment(package: Path) -> dict[str, str]:
    out = {name: value for name, value in os.environ.items() if name != "GIBBSLAB_FAULT"}
    out["PYTHONPATH"] = os.pathsep.join([str(package), os.environ.get("PYTHONPATH", "")])
    return out


class FaultyPackage:
    """The package with the faults compiled in, and test runs under one of them.

    The runs are forked from one process that has imported it: to import takes longer than most.
    """

    def __init__(self, folder: Path) -> None:
        make_package(folder)
        self.log = folder / "pytest.log"
        self.server = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("fork_server.py"))],
            env=environment(folder),
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def close(self) -> None:
        os.killpg(self.server.pid, signal.SIGKILL)  # with a child that hangs
        self.server.communicate()

    def pytest(self, tests: Iterable[str], settings: dict[str, str]) -> tuple[int, set[str], str]:
        """Exit code, failed tests and output of one run of `tests`."""
        options = ["-q", "-rf", "--tb=line", "-p", "no:cacheprovider"]
        task = {"arguments": [*options, *tests], "settings": settings, "log": str(self.log)}
        stdin, stdout = self.server.stdin, self.server.stdout
        assert stdin is not None
        assert stdout is not None
        stdin.write(json.dumps(task) + "\n")
        stdin.flush()
        code = int(stdout.readline())
        output = self.log.read_text()
        failed = re.findall(r"^FAILED (.*?)(?: - .*)?$", output, re.MULTILINE)
        return code, set(failed), output

    def assert_caught(
        self, name: str, fault: Fault, device: str, settings: dict[str, str] | None = None
    ) -> None:
        """Every test of `fault` fails under it."""
        tests = {on(device, test) for test in fault.tests}
        settings = {"GIBBSLAB_FAULT": name} | (settings or {})
        code, failed, output = self.pytest(sorted(tests), settings)
        missed = tests - failed
        assert not missed, f"{missed} did not see it, though {fault.why}\n{output[-3000:]}"
        assert code == 1, output[-3000:]

    def assert_pass(
        self, tests: Iterable[str], device: str, settings: dict[str, str] | None = None
    ) -> None:
        """None of the tests fails without a fault."""
        every = list(dict.fromkeys(on(device, test) for test in tests))
        code, failed, output = self.pytest(every, settings or {})
        assert (code, failed) == (0, set()), output[-3000:]
        assert f"{len(every)} passed" in output


def switches(folder: str) -> set[str]:
    """The names of the faults in the sources there."""
    suffixes = {".cpp", ".cu", ".cuh", ".h", ".py"}
    sources = [x.read_text() for x in (ROOT / folder).rglob("*") if x.suffix in suffixes]
    return {name for text in sources for name in re.findall(r'fault\("(\w+)"\)', text)}
