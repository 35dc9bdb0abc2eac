"""What `.ci/gpu` does: runs every check that needs a CUDA card, and writes a report of them.

    python tests/tools/gpu_report.py [--here] [--folder FOLDER] [--check]

Exit code 0 if all passed, 1 if something failed, 2 if this machine lacks what is needed.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from gpu_steps import NOTHING_COLLECTED, ROOT, Step, first_steps, missing, steps

TAIL = 40  # lines of a failed step's output in the report


class Outcome(NamedTuple):
    """What came of a step."""

    step: Step
    code: int
    seconds: float
    output: str

    @property
    def verdict(self) -> str:
        if self.code == 0:
            return "passed"
        if self.code == NOTHING_COLLECTED and self.step.may_be_empty:
            return "nothing to run"
        return f"failed ({self.code})"

    @property
    def ok(self) -> bool:
        return not self.verdict.startswith("failed")

    @property
    def summary(self) -> str:
        """The line that tells most: a sanitizer's count, or the last one."""
        lines = [line.strip("= \t") for line in self.output.splitlines() if line.strip("= \t")]
        counts = [line for line in lines if line.startswith("ERROR SUMMARY")]
        tests = [line for line in lines if " passed" in line or " failed" in line]
        return "; ".join(tests[-1:] + counts[-1:]) or (lines[-1] if lines else "")


def run(step: Step, folder: Path) -> Outcome:
    """Run a step from the repository's root; its output goes to a log of its own too."""
    print(f"== {step.title}", flush=True)
    start = time.monotonic()
    log = folder / f"{step.title.replace(' ', '-').replace(':', '')}.log"
    try:
        with log.open("w") as file:
            code = subprocess.run(
                step.command, cwd=ROOT, env=os.environ | step.settings, stdout=file,
                stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, timeout=step.limit,
            ).returncode  # fmt: skip
    except (OSError, subprocess.TimeoutExpired) as error:
        with log.open("a") as file:
            file.write(f"\n{error}\n")
        code = 1
    outcome = Outcome(step, code, time.monotonic() - start, log.read_text(errors="replace"))
    print(f"   {outcome.verdict} in {outcome.seconds:.0f} s: {outcome.summary}", flush=True)
    return outcome


def run_all(todo: list[Step], folder: Path) -> list[Outcome]:
    """Each step in turn; after one that the others rest on fails, no more."""
    outcomes: list[Outcome] = []
    for step in todo:
        outcomes.append(run(step, folder))
        if step.needed and not outcomes[-1].ok:
            break
    return outcomes


def _cell(text: str) -> str:
    return text.replace("|", "\\|")[:160]


def _block(text: str) -> list[str]:
    return ["```text", text.rstrip(), "```", ""]


def report(outcomes: list[Outcome], planned: int) -> str:
    """All of it in Markdown: the machine, a table of results, what failed, what was measured."""
    machine = [o.output for o in outcomes if o.step.shown and "machine" in o.step.title]
    good = all(o.ok for o in outcomes) and len(outcomes) == planned
    lines = ["# gibbslab on a CUDA card", ""]
    lines += [f"**{'All passed.' if good else 'NOT all passed.'}**", ""]
    for text in machine:
        lines += [*(f"- {line}" for line in text.splitlines()), ""]
    lines += ["| step | result | seconds | summary |", "|---|---|---|---|"]
    lines += [
        f"| {o.step.title} | {o.verdict} | {o.seconds:.0f} | {_cell(o.summary)} |" for o in outcomes
    ]
    if len(outcomes) < planned:
        lines += [f"| {planned - len(outcomes)} more | not run | | |"]
    for o in outcomes:
        if not o.ok:
            tail = "\n".join(o.output.splitlines()[-TAIL:])
            lines += ["", f"## {o.step.title}: {o.verdict}", "", "Its end:", "", *_block(tail)]
        elif o.step.shown and o.output not in machine:
            lines += ["", f"## {o.step.title}", "", *_block(o.output)]
    return "\n".join(lines).rstrip() + "\n"


def main(arguments: list[str] | None = None, lacking: Callable[[], str] = missing) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    here = "use the packages of this python: those of the build and of the extra 'test'"
    parser.add_argument("--here", action="store_true", help=here)
    parser.add_argument("--folder", type=Path, default=ROOT / "build" / "gpu")
    parser.add_argument("--check", action="store_true", help="only tell what is missing")
    options = parser.parse_args(arguments)
    if told := lacking():
        print(f"cannot check a card here: {told}", file=sys.stderr)
        return 2
    if options.check:
        return 0
    folder = options.folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    todo = [*first_steps(folder, here=options.here), *steps(folder, here=options.here)]
    outcomes = run_all(todo, folder)
    text = report(outcomes, len(todo))
    (folder / "report.md").write_text(text)
    print(f"report: {folder / 'report.md'}")
    return int(not (len(outcomes) == len(todo) and all(o.ok for o in outcomes)))


if __name__ == "__main__":
    sys.exit(main())
