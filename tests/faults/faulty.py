"""The package built with the planted faults, and test runs under one of them."""

from __future__ import annotations

import os
import re
import shutil
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


def build(folder: Path, cuda: str) -> None:
    """The extension with the faults compiled in, from the sources of this checkout."""
    settings = {
        "GIBBSLAB_PYTHON": "ON",
        "GIBBSLAB_FAULTS": "ON",
        "pybind11_DIR": os.environ.get("PYBIND11_DIR") or pybind11.get_cmake_dir(),
        "Python_EXECUTABLE": sys.executable,
        "GIBBSLAB_CUDA": cuda,
        "CMAKE_MAKE_PROGRAM": tool("ninja"),
    }
    configure = [tool("cmake"), "-G", "Ninja", "-S", str(ROOT), "-B", str(folder)]
    configure += [f"-D{name}={value}" for name, value in settings.items()]
    targets = ["_core"] if cuda == "OFF" else ["_core", "_cuda"]
    for command in (configure, [tool("cmake"), "--build", str(folder), "--target", *targets]):
        done = run(command, dict(os.environ), timeout=1500)
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]


def make_package(folder: Path, cuda: str = "OFF") -> Path:
    """A package around the faulty extension in `folder`, which goes on PYTHONPATH."""
    build(folder / "build", cuda)
    skip = shutil.ignore_patterns("_core*.so", "_core*.pyd", "_cuda.so", "__pycache__")
    shutil.copytree(ROOT / "python" / "gibbslab", folder / "gibbslab", ignore=skip)
    built = [*(folder / "build").glob("_core*"), *(folder / "build").rglob("_cuda.so")]
    for extension in built:
        shutil.copy(extension, folder / "gibbslab")
    show = "from gibbslab import _core; print(_core.FAULTS_COMPILED_IN)"
    done = run([sys.executable, "-c", show], environment(folder, None))
    assert done.stdout.strip() == "True", done.stderr
    return folder


def environment(package: Path, fault: str | None) -> dict[str, str]:
    out = {name: value for name, value in os.environ.items() if name != "GIBBSLAB_FAULT"}
    out["PYTHONPATH"] = os.pathsep.join([str(package), os.environ.get("PYTHONPATH", "")])
    return out if fault is None else {**out, "GIBBSLAB_FAULT": fault}


def child_pytest(
    package: Path, fault: str | None, tests: Iterable[str], settings: dict[str, str] | None = None
) -> tuple[int, set[str], str]:
    """Exit code, failed tests and output of one run of `tests` under a fault."""
    options = ["-q", "-rf", "--tb=line", "-p", "no:cacheprovider"]
    command = [sys.executable, "-m", "pytest", *options, *tests]
    done = run(command, environment(package, fault) | (settings or {}))
    failed = re.findall(r"^FAILED (.*?)(?: - .*)?$", done.stdout, re.MULTILINE)
    return done.returncode, set(failed), done.stdout + done.stderr


def assert_caught(
    package: Path, name: str, fault: Fault, device: str, settings: dict[str, str] | None = None
) -> None:
    """Every test of `fault` fails under it."""
    tests = {on(device, test) for test in fault.tests}
    code, failed, output = child_pytest(package, name, sorted(tests), settings)
    missed = tests - failed
    assert not missed, f"{missed} did not see it, though {fault.why}\n{output[-3000:]}"
    assert code == 1, output[-3000:]


def assert_pass(
    package: Path, tests: Iterable[str], device: str, settings: dict[str, str] | None = None
) -> None:
    """None of the tests fails without a fault."""
    every = list(dict.fromkeys(on(device, test) for test in tests))
    code, failed, output = child_pytest(package, None, every, settings)
    assert (code, failed) == (0, set()), output[-3000:]
    assert f"{len(every)} passed" in output


def switches(folder: str) -> set[str]:
    """The names of the faults in the sources there."""
    sources = [path.read_text() for path in (ROOT / folder).rglob("*") if path.is_file()]
    return {name for text in sources for name in re.findall(r'fault\("(\w+)"\)', text)}
