"""`.ci/gpu`: what it refuses without a card, what it would run, and the report that it writes."""

from __future__ import annotations

import importlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
sys.path.append(str(ROOT / "tests" / "tools"))
gpu_report = importlib.import_module("gpu_report")
gpu_steps = importlib.import_module("gpu_steps")
CARD = "echo 'GPU 0: NVIDIA H200'"
BROKEN = "echo 'NVIDIA-SMI has failed because it could not reach the driver.'; exit 9"
# The programs of a machine, and what the script says of it.
MACHINES = {
    "nothing": (
        {},
        "no NVIDIA GPU (nvidia-smi was not found); nvcc was not found; compute-sanitizer was not "
        "found",
    ),
    "no driver": (
        {"nvidia-smi": BROKEN, "nvcc": "", "compute-sanitizer": ""},
        "no NVIDIA GPU (nvidia-smi says: NVIDIA-SMI has failed because it could not reach the "
        "driver.)",
    ),
    "no compiler": ({"nvidia-smi": CARD, "compute-sanitizer": ""}, "nvcc was not found"),
    "no sanitizer": ({"nvidia-smi": CARD, "nvcc": ""}, "compute-sanitizer was not found"),
}


def folder_of(path: Path, programs: dict[str, str]) -> str:
    """A folder of these programs, and of what the script itself is started by."""
    path.mkdir()
    for name, code in programs.items():
        (path / name).write_text(f"#!/bin/sh\n{code}\n")
        (path / name).chmod(0o755)
    for name, program in {"python3": sys.executable, "dirname": shutil.which("dirname")}.items():
        (path / name).symlink_to(str(program))
    return str(path)


@pytest.mark.parametrize("machine", MACHINES)
def test_what_is_missing_is_told_in_one_line(machine: str, tmp_path: Path) -> None:
    programs, told = MACHINES[machine]
    done = subprocess.run(
        [str(shutil.which("bash")), str(ROOT / ".ci" / "gpu")],
        env={"PATH": folder_of(tmp_path / "bin", programs)}, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 2
    assert done.stderr == f"cannot check a card here: {told}\n"
    assert done.stdout == ""


def test_with_all_of_it_the_check_passes(tmp_path: Path) -> None:
    programs = {"nvidia-smi": CARD, "nvcc": "", "compute-sanitizer": ""}
    done = subprocess.run(
        [sys.executable, str(ROOT / "tests" / "tools" / "gpu_report.py"), "--check"],
        env={"PATH": folder_of(tmp_path / "bin", programs)}, capture_output=True, text=True,
    )  # fmt: skip
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_the_sanitizer_beside_the_compiler_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    toolkit = Path(folder_of(tmp_path / "toolkit", {"nvcc": "", "compute-sanitizer": ""}))
    on_path = tmp_path / "bin"
    on_path.mkdir()
    (on_path / "nvcc").symlink_to(toolkit / "nvcc")
    monkeypatch.setenv("PATH", str(on_path))
    assert gpu_steps.compute_sanitizer() == str(toolkit / "compute-sanitizer")


@pytest.mark.parametrize("here", [True, False])
def test_the_steps_name_files_and_tests_that_exist(here: bool, tmp_path: Path) -> None:
    steps = [*gpu_steps.first_steps(tmp_path, here=here), *gpu_steps.steps(tmp_path, here=here)]
    titles = [step.title for step in steps]
    assert len(set(titles)) == len(titles)
    for tool in gpu_steps.SANITIZERS:
        assert f"sanitizer: {tool}" in titles
    for step in steps:
        for argument in (x for x in step.command if x.startswith("tests/")):
            path, _, test = argument.partition("::")
            assert (ROOT / path).exists(), argument
            assert not test or f"def {test}(" in (ROOT / path).read_text(), argument


def step(title: str, code: str, **options: object) -> object:
    return gpu_steps.Step(title, [sys.executable, "-c", code], **options)


def test_a_report_of_all_that_passed(tmp_path: Path) -> None:
    todo = [
        step("machine", "print('card: H200'); print('driver: 580')", shown=True),
        step("sanitizer: memcheck", "print('7 passed in 2 s\\n=== ERROR SUMMARY: 0 errors\\nbye')"),
        step("tests marked gpu", "raise SystemExit(5)", may_be_empty=True),
        step("benchmark", "print('CD-1  12 us | 5 x')", shown=True),
    ]
    outcomes = [o._replace(seconds=0.2) for o in gpu_report.run_all(todo, tmp_path)]
    text = gpu_report.report(outcomes, len(todo))
    assert "**All passed.**" in text
    assert "- card: H200\n- driver: 580\n" in text
    assert "| sanitizer: memcheck | passed | 0 | 7 passed in 2 s; ERROR SUMMARY: 0 errors |" in text
    assert "| tests marked gpu | nothing to run | 0 |  |" in text
    assert "| benchmark | passed | 0 | CD-1  12 us \\| 5 x |" in text
    assert "```text\nCD-1  12 us | 5 x\n```" in text
    assert (tmp_path / "sanitizer-memcheck.log").read_text().startswith("7 passed")


def test_a_report_of_what_failed(tmp_path: Path) -> None:
    todo = [
        step("tests on the card", "print('x\\n' * 100 + '1 failed, 2 passed in 3 s'); exit(1)"),
        gpu_steps.Step("sanitizer: racecheck", ["no-such-program"]),
        step("slow", "import time; time.sleep(60)", limit=0.5),
        step("build", "raise SystemExit(3)", needed=True),
        step("benchmark", "print('never')", shown=True),
    ]
    outcomes = [o._replace(seconds=0.2) for o in gpu_report.run_all(todo, tmp_path)]
    assert [o.code for o in outcomes] == [1, 1, 1, 3]
    text = gpu_report.report(outcomes, len(todo))
    assert "**NOT all passed.**" in text
    assert "| tests on the card | failed (1) | 0 | 1 failed, 2 passed in 3 s |" in text
    assert "no-such-program" in text
    assert "timed out after 0." in text
    assert "| 1 more | not run | | |" in text
    assert text.count("\nx") == gpu_report.TAIL - 1
    assert "never" not in text


def test_the_exit_code_and_the_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(gpu_report, "first_steps", lambda *_, **__: [])
    for code in (0, 1):
        monkeypatch.setattr(
            gpu_report, "steps", lambda *_, code=code, **__: [step("one", f"exit({code})")]
        )
        folder = tmp_path / str(code)
        assert gpu_report.main(["--folder", str(folder)], lacking=lambda: "") == code
        assert (folder / "report.md").read_text().startswith("# gibbslab on a CUDA card")
    assert f"report: {tmp_path / '1' / 'report.md'}{os.linesep}" in capsys.readouterr().out
