"""The notebooks: executed, small, free of local paths, the same as their .py twins, and running."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import jupytext
import nbformat
import pytest

FOLDER = Path(__file__).parents[2] / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))
LIMIT = 3_000_000  # bytes
LOCAL_PATH = re.compile(r"(?<![\w.:/])/(home|root|Users|tmp|work|usr|opt|mnt|var)/|[A-Z]:\\\\")


@pytest.fixture(params=NOTEBOOKS, ids=lambda path: path.stem)
def path(request):
    return request.param


@pytest.fixture
def notebook(path):
    return nbformat.read(path, as_version=4)


def code_cells(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def outputs(notebook):
    return [output for cell in code_cells(notebook) for output in cell.outputs]


def texts(output):
    """Everything in an output that is text, pictures left out."""
    if output.output_type == "stream":
        return [output.text]
    data = output.get("data", {})
    return ["".join(value) for kind, value in data.items() if kind.startswith("text/")]


def test_every_script_has_its_notebook():
    assert NOTEBOOKS
    assert {path.stem for path in NOTEBOOKS} == {path.stem for path in FOLDER.glob("*.py")}


def test_notebook_is_valid_and_small(path, notebook):
    nbformat.validate(notebook)
    assert path.stat().st_size < LIMIT


def test_notebook_and_script_hold_the_same_cells(path, notebook):
    script = jupytext.read(path.with_suffix(".py"))
    got = [(cell.cell_type, cell.source) for cell in notebook.cells]
    assert got == [(cell.cell_type, cell.source) for cell in script.cells]


def test_every_cell_was_executed_in_order(notebook):
    counts = [cell.execution_count for cell in code_cells(notebook)]
    assert counts == list(range(1, len(counts) + 1))


def test_outputs_are_figures_and_text_without_errors(notebook):
    found = outputs(notebook)
    assert sum("image/png" in output.get("data", {}) for output in found) >= 10
    assert not [output for output in found if output.output_type == "error"]
    assert not [output.text for output in found if output.get("name") == "stderr"]


def test_no_local_path_in_text_or_output(notebook):
    written = [cell.source for cell in notebook.cells]
    written += [text for output in outputs(notebook) for text in texts(output)]
    assert not [text for text in written if LOCAL_PATH.search(text)]


def test_every_cell_runs_on_a_little_data(path):
    """The script with a few hundred images and one epoch: under a minute."""
    env = {**os.environ, "GIBBSLAB_NOTEBOOK_SMOKE": "1", "MPLBACKEND": "agg"}
    command = [sys.executable, "-W", "error::RuntimeWarning", path.with_suffix(".py").name]
    done = subprocess.run(
        command, cwd=FOLDER, env=env, capture_output=True, text=True, timeout=500, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert done.stdout
