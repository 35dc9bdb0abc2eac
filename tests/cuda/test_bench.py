"""The card's benchmark runs and prints its tables; at these sizes its times mean nothing."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import gpu
import micro
import peers
import pytest

BENCH = Path(gpu.__file__).parent
LINES = f"{micro.BF16}\t800\tTop/s\n{micro.COPY}\t4000\tGB/s\nbarrier: block\t12.5\tns\n"


def imitation(folder: Path, text: str, code: int = 0) -> str:
    """A program in the place of the micro-benchmarks, which the C++ tests run."""
    program = folder / "micro"
    program.write_text(f"#!{sys.executable}\nprint({text!r}, end='')\nraise SystemExit({code})\n")
    program.chmod(0o755)
    return str(program)


@pytest.fixture(autouse=True)
def _without_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(peers, "HAS_TORCH", False)


def numbers(line: str) -> list[float]:
    """Those at a row's end; the last two are multiples of the floor and of the first row."""
    return [float(part.rstrip("x")) for part in line.split() if part[0].isdigit()]


def test_every_table_is_printed_and_logged(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log = tmp_path / "gpu.log"
    assert gpu.main(["--tiny", "--micro", imitation(tmp_path, LINES), "--log", str(log)]) == 0
    out = capsys.readouterr().out
    assert log.read_text() == out
    for title in ("CD-1, 20x8", "PCD-1, 20x8", "AIS, 20x8, 6 chains x 5 temperatures", "machine:"):
        assert title in out
    rows = [line for line in out.splitlines() if re.match("gibbslab[ ,]", line)]
    assert len(rows) == 2 * len(gpu.VARIANTS) + 1
    for row in rows:
        us, flops, gigabytes, floor, ratio = numbers(row.replace("bf16x2", ""))
        assert us > 0
        assert floor > 1
        assert min(flops, gigabytes, ratio) >= 0


def test_rates_and_floors_are_those_of_the_micro_benchmarks(tmp_path: Path) -> None:
    results = micro.run(Path(imitation(tmp_path, LINES)))
    assert results["barrier: block"] == (12.5, "ns")
    rates = gpu.Rates.of(results)
    assert rates == gpu.Rates(8e14, 4e12)
    assert gpu.Rates.of({}) is None
    # 8e8 operations take 1 us, 8e6 bytes 2 us: ten microseconds are five times the floor.
    assert gpu.told(1e-5, 8e8, 8e6, rates).split() == ["80000.0", "800.00", "5.0x"]


def test_a_program_that_fails_is_reported(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="the micro-benchmarks failed"):
        micro.run(Path(imitation(tmp_path, "", 1)))


def test_without_a_card_it_says_so(tmp_path: Path) -> None:
    settings = {"CUDA_VISIBLE_DEVICES": "", "GIBBSLAB_EMULATOR_DEVICES": "0"}
    done = subprocess.run(
        [sys.executable, str(BENCH / "gpu.py"), "--log", str(tmp_path / "log")],
        env=os.environ | settings, capture_output=True, text=True, timeout=100,
    )  # fmt: skip
    assert done.returncode == 2
    assert done.stderr.startswith("no CUDA device: ")
    assert not (tmp_path / "log").exists()
