"""``gibbslab train`` and the data it reads: files, resumed and interrupted training."""

from __future__ import annotations

import csv
import os
import re
import signal
import subprocess
import sys
import time
from argparse import Namespace
from pathlib import Path

import gibbslab
import numpy as np
import pytest
from gibbslab import datasets, io
from gibbslab.cli import main
from gibbslab.cli._data import load_data
from gibbslab.models import RBM

# Commands run in another folder, where a relative PYTHONPATH would not do.
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(Path(gibbslab.__file__).parents[1])}
TINY = ["--n-components", "16", "--batch-size", "50", "--n-threads", "1", "--quiet"]
DIGITS = ["train", "rbm", "--data", "digits", *TINY]


@pytest.fixture(autouse=True)
def _in_own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


# Data files


def read(path: Path) -> np.ndarray:
    return load_data(Namespace(data=str(path), split="train", data_dir=None, n_samples=None))


def test_data_files_of_all_kinds(tmp_path: Path) -> None:
    grey = np.arange(24, dtype=np.uint8).reshape(2, 3, 4) * 10
    np.save(tmp_path / "a.npy", grey)
    np.savez(tmp_path / "one.npz", anything=grey)
    np.savez(tmp_path / "two.npz", X=grey, y=np.zeros(2))
    np.savetxt(tmp_path / "a.csv", grey.reshape(2, 12), delimiter=",")
    for name in ("a.npy", "one.npz", "two.npz", "a.csv"):
        rows = read(tmp_path / name)
        assert rows.dtype == np.float32
        np.testing.assert_array_equal(rows, grey.reshape(2, 12) / np.float32(255))
    unit = np.random.default_rng(0).random((3, 4))
    np.save(tmp_path / "unit.npy", unit)
    np.testing.assert_array_equal(read(tmp_path / "unit.npy"), unit.astype(np.float32))
    np.save(tmp_path / "bool.npy", unit > 0.5)
    np.testing.assert_array_equal(read(tmp_path / "bool.npy"), unit > 0.5)


BAD_FILES = {
    "pickle.npy": ([{"a": 1}], "allow_pickle"),
    "negative.npy": (np.full((2, 2), -0.5), "values must lie in"),
    "large.npy": (np.full((2, 2), 1.5), "values must lie in"),
    "nan.npy": (np.full((2, 2), np.nan), "values must lie in"),
    "flat.npy": (np.zeros(4), "one image in a row, has shape (4,)"),
    "empty.npy": (np.zeros((0, 4)), "has shape (0, 4)"),
    "text.npy": (np.array([["a"]]), "must hold numbers"),
}


@pytest.mark.parametrize("name", BAD_FILES)
def test_bad_arrays_are_refused(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    content, message = BAD_FILES[name]
    np.save(name, np.asarray(content), allow_pickle=name == "pickle.npy")
    assert main(["train", "rbm", "--data", name, "--output", "m"]) == 2
    err = capsys.readouterr().err
    assert err.startswith(f"gibbslab: error: {name}: ")
    assert message in err


@pytest.mark.parametrize("name", ["a.npy", "a.npz", "a.csv"])
@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 torn", b"\x93NUMPY torn", b"1,2\n3\n"])
def test_damaged_files_are_refused(
    name: str, content: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    Path(name).write_bytes(content)
    assert main(["train", "rbm", "--data", name, "--output", "m"]) == 2
    assert capsys.readouterr().err.startswith(f"gibbslab: error: {name}: ")


def test_named_data_sets(capsys: pytest.CaptureFixture[str]) -> None:
    sizes = {"mnist-sample": (2000, 784), "digits": (360, 64)}
    for name, (count, pixels) in sizes.items():
        io.save(RBM(pixels, 2, random_state=0), "m")
        assert main(["evaluate", "m", "--data", name, "--quiet"]) == 0
        assert f"{count} images of {pixels} pixels" in capsys.readouterr().out


# train


def test_train_writes_what_the_estimator_gives(capsys: pytest.CaptureFixture[str]) -> None:
    line = [*DIGITS, "--epochs", "3", "--seed", "5", "--k", "2", "--learning-rate", "0.05"]
    line += ["--validation-fraction", "0.1", "--log", "log.csv", "--output", "m.safetensors"]
    assert main([*line, "--centered", "--sample-input", "--n-samples", "900"]) == 0
    captured = capsys.readouterr()
    trained = io.load("m.safetensors")
    X = datasets.load_digits().data[:900]
    expected = gibbslab.BernoulliRBM(
        16,
        n_iter=3,
        batch_size=50,
        random_state=5,
        k=2,
        learning_rate=0.05,
        validation_fraction=0.1,
        centered=True,
        sample_input=True,
        n_threads=1,
    ).fit(X)
    np.testing.assert_array_equal(trained.components_, expected.components_)
    assert captured.err == ""
    assert "900 images of 64 pixels, 3 epochs" in captured.out
    last = expected.history_["validation_pseudo_likelihood"][-1]
    assert f"validation pseudo likelihood: {last:.4f}" in captured.out
    with open("log.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["epoch"] for row in rows] == ["0", "1", "2"]


def test_resumed_training_equals_one_run() -> None:
    rates = ["--learning-rate", "0.1", "--learning-rate-end", "0.01"]
    assert main([*DIGITS, *rates, "--epochs", "4", "--output", "whole"]) == 0
    assert main([*DIGITS, "--epochs", "2", "--output", "half", "--checkpoint-every", "1"]) == 0
    resume = ["train", "rbm", "--data", "digits", "--quiet", "--resume", "half"]
    assert main([*resume, "--epochs", "4", "--output", "plain"]) == 0
    assert main([*DIGITS, "--epochs", "4", "--output", "constant"]) == 0
    np.testing.assert_array_equal(io.load("plain").model_.W, io.load("constant").model_.W)
    assert io.load("plain").n_epochs_ == 4
    assert (io.load("whole").model_.W != io.load("constant").model_.W).any()
    assert io.load("whole").history_["learning_rate"] == pytest.approx([0.1, 0.07, 0.04, 0.01])


RESUME_ERRORS = {
    "--n-components 3": "--n-components cannot be changed with --resume",
    "--seed 0": "--seed cannot be changed with --resume",
    "--learning-rate-end 0.1": "--learning-rate-end needs --learning-rate",
    "--epochs 1": "has 1 epochs already; --epochs must be more, got 1",
}


@pytest.mark.parametrize("option", RESUME_ERRORS)
def test_resume_refuses_what_cannot_change(option: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*DIGITS, "--epochs", "1", "--output", "m"]) == 0
    before = Path("m").read_bytes()
    line = ["train", "rbm", "--data", "digits", "--resume", "m", "--output", "m"]
    assert main([*line, *option.split()]) == 2
    assert RESUME_ERRORS[option] in capsys.readouterr().err
    assert Path("m").read_bytes() == before


def test_resume_needs_an_estimator(capsys: pytest.CaptureFixture[str]) -> None:
    io.save(RBM(64, 3, random_state=0), "model")
    line = ["train", "rbm", "--data", "digits", "--resume", "model", "--output", "m"]
    assert main(line) == 2
    assert "holds no BernoulliRBM" in capsys.readouterr().err


def test_training_that_diverges_is_told_and_writes_nothing(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main([*DIGITS, "--learning-rate", "1e30", "--l2", "1", "--output", "m"]) == 2
    assert "would become non-finite in epoch" in capsys.readouterr().err
    assert not Path("m").exists()


def test_progress_bar_is_on_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    line = [option for option in DIGITS if option != "--quiet"]
    assert main([*line, "--epochs", "2", "--output", "m"]) == 0
    captured = capsys.readouterr()
    assert "2/2" in captured.err
    assert "2/2" not in captured.out


def test_interrupted_training_is_saved_and_can_go_on(tmp_path: Path) -> None:
    line = [sys.executable, "-m", "gibbslab", *DIGITS, "--epochs", "1000000"]
    line += ["--output", "m", "--log", "log.csv"]
    child = subprocess.Popen(line, stderr=subprocess.PIPE, text=True, env=ENVIRONMENT)
    try:
        deadline = time.monotonic() + 60
        while not Path("log.csv").exists() and child.poll() is None and time.monotonic() < deadline:
            time.sleep(0.05)
        child.send_signal(signal.SIGINT)
        _, err = child.communicate(timeout=20)
    finally:
        child.kill()
    assert child.returncode == 130
    assert re.fullmatch(r"gibbslab: interrupted after \d+ epochs; m has all.*--resume m\n", err)
    done = io.load("m").n_epochs_
    assert done >= 1
    more = ["train", "rbm", "--data", "digits", "--quiet", "--resume", "m", "--output", "m"]
    assert main([*more, "--epochs", str(done + 2)]) == 0
    assert io.load("m").n_epochs_ == done + 2
