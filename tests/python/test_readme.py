"""README and contributors' commands: links lead somewhere, the example runs, pins agree."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
COMMANDS = ('pip install ".[plot]" && gibbslab demo', 'pip install ".[test]" && pytest')
TEXT_SUFFIXES = {".py", ".pyi", ".h", ".cpp", ".md", ".toml", ".txt", ".yaml", ".log", ""}


def code_blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


def test_links_lead_somewhere() -> None:
    links = re.findall(r"\]\(([^)#\s]+)\)", README)
    assert len(links) > 20
    assert [link for link in links if not (ROOT / link).exists()] == []


def test_commands_of_the_tables_exist() -> None:
    named = set(re.findall(r"`(?:bash )?\.ci/([\w.-]+)", README))
    there = {path.name for path in (ROOT / ".ci").iterdir()}
    assert named - {"tools.txt"} == there - {"tools.txt"}
    for name in there - {"tools.txt"}:
        assert os.access(ROOT / ".ci" / name, os.X_OK), name


def test_two_commands_do_everything() -> None:
    shell = code_blocks("bash")
    assert [block.strip() for block in shell] == list(COMMANDS)
    for command in COMMANDS:
        assert f"'{command}'" in (ROOT / ".ci/run").read_text()


def test_the_example_is_ten_lines_and_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (example,) = code_blocks("python")
    assert len([line for line in example.splitlines() if line]) == 10
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    exec(compile(example, "README.md", "exec"), names)
    forward, reverse = map(float, capsys.readouterr().out.split())
    assert -200 < forward < -90
    assert abs(forward - reverse) < 5
    assert (tmp_path / "digits.safetensors").is_file()


def test_pre_commit_pins_the_same_tools() -> None:
    pins = set(re.findall(r'"([\w-]+==[\d.]+)"', (ROOT / ".pre-commit-config.yaml").read_text()))
    assert pins
    assert pins <= set((ROOT / ".ci/tools.txt").read_text().splitlines())


def tracked() -> list[Path]:
    top = [path for path in ROOT.iterdir() if path.is_file()]
    below = [
        path
        for name in ("csrc", "kernels", "python", "tests", "notebooks", ".ci")
        for path in (ROOT / name).rglob("*")
    ]
    return [p for p in top + below if p.is_file() and p.suffix in TEXT_SUFFIXES]


def test_no_path_of_one_machine_is_written_down() -> None:
    absolute = re.compile(r"(?<![\w.:/$}])/(?:home|root|work|Users)/\w")
    found = [str(p) for p in tracked() if absolute.search(p.read_text(errors="ignore"))]
    assert found == []
