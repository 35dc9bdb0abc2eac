"""The command line: files written, numbers printed, exit statuses and messages."""

from __future__ import annotations

import csv
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import gibbslab
import matplotlib
import numpy as np
import pytest
from gibbslab import datasets, io
from gibbslab.cli import main
from gibbslab.models import RBM
from PIL import Image

matplotlib.use("Agg")

# Commands run in another folder, where a relative PYTHONPATH would not do.
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(Path(gibbslab.__file__).parents[1])}
TINY = ["--n-components", "16", "--batch-size", "50", "--n-threads", "1", "--quiet"]
DIGITS = ["train", "rbm", "--data", "digits", *TINY]


@pytest.fixture(autouse=True)
def _in_own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def model_file(tmp_path: Path) -> Path:
    """A model of 16 pixels and 30 hidden units, enumerable by its visible layer."""
    rbm = RBM(16, 30, random_state=1, n_threads=1)
    rbm.v_bias = np.linspace(-1, 1, 16)
    path = tmp_path / "small.safetensors"
    io.save(rbm, path)
    return path


@pytest.fixture
def data_file(tmp_path: Path) -> Path:
    path = tmp_path / "bits.npy"
    np.save(path, np.random.default_rng(3).integers(0, 2, (40, 16)))
    return path


def number(text: str, name: str) -> float:
    """The number that follows `name` at the start of a line."""
    found = re.search(rf"^{re.escape(name)}:? +(-?[0-9.]+)", text, re.MULTILINE)
    assert found, text
    return float(found[1])


def is_png(path: Path, least: int = 200) -> bool:
    with Image.open(path) as image:
        image.verify()
        return image.format == "PNG" and min(image.size) >= least


# Help and errors

COMMANDS = [["info"], ["demo"], ["train"], ["train", "rbm"], ["sample"], ["evaluate"]]


@pytest.mark.parametrize("command", [[], *COMMANDS], ids=" ".join)
def test_help_of_every_command(command: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*command, "--help"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("usage: gibbslab")
    assert "show this help message" in out
    for option in re.findall(r"^  (--[a-z0-9-]+)(.*)$", out, re.MULTILINE):
        assert option[1].strip() or f"{option[0]}\n     " in out


def test_help_of_train_tells_the_estimators_defaults(capsys: pytest.CaptureFixture[str]) -> None:
    main(["train", "rbm", "--help"])
    out = " ".join(capsys.readouterr().out.split())
    defaults = gibbslab.BernoulliRBM().get_params()
    assert f"hidden units (default: {defaults['n_components']})" in out
    assert f"(default: {defaults['method']})" in out
    for name in ("learning_rate", "batch_size", "k", "momentum", "l1", "l2", "statistics"):
        option = f"--{name.replace('_', '-')} "
        assert f"(default: {defaults[name]})" in out.split(option)[-1]
    assert "seed of every random draw (default: 0)" in out


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"gibbslab {gibbslab.__version__}\n"


BAD_LINES = {
    "": "the following arguments are required: COMMAND",
    "fly": "invalid choice: 'fly'",
    "train": "the following arguments are required: MODEL",
    "train rbm --output m": "the following arguments are required: --data",
    "train rbm --data digits --output no/m": "folder no does not exist",
    "train rbm --data digits --output .": ". is a folder",
    "train rbm --data digits --output m --epochs 0": "--epochs: expected a whole number",
    "train rbm --data digits --output m --epochs 1e3": "--epochs: expected a whole number",
    "train rbm --data digits --output m --learning-rate 0": "expected a number above 0, got '0'",
    "train rbm --data digits --output m --l2 nan": "expected a number of at least 0, got 'nan'",
    "train rbm --data digits --output m --momentum 1": "momentum must be in [0, 1), got 1.0",
    "train rbm --data digits --output m --epo 1": "unrecognized arguments: --epo 1",
    "train rbm --data digits --split valid --output m": "digits has no split 'valid'",
    "train rbm --data cats --output m": "--data must be one of mnist, fashion-mnist",
    "train rbm --data cats.npy --output m": "cats.npy: no such file",
    "train rbm --data digits --output m --resume m0": "--resume: m0: no such file",
    "train rbm --data mnist --split dev --output m": "invalid choice: 'dev'",
    "train rbm --data digits --output m --seed -1": "at least 0",
    "sample no.model --output a.npy": "no.model: no such file",
    "sample bits.npy --output a.npy": "header length",
    "sample small.safetensors --output a.txt": "must end in .npy or .png, got 'a.txt'",
    "sample small.safetensors --output a.png --image-shape 3 5": "must hold 16 pixels, got 3 x 5",
    "evaluate small.safetensors --data digits": "the model has 16 visible units, the data 64",
    "evaluate small.safetensors --data bits.npy --chains 1": "at least 2",
    "demo --output bits.npy": "bits.npy: File exists",
}


@pytest.mark.parametrize("line", BAD_LINES)
def test_errors_are_one_line_and_status_2(
    line: str, model_file: Path, data_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = sorted(Path().iterdir())
    assert main(line.split()) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("gibbslab: error: ")
    assert captured.err.count("\n") == 1
    assert BAD_LINES[line] in captured.err
    assert sorted(Path().iterdir()) == before


def test_data_set_found_nowhere_is_one_line(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def offline(*args: object) -> tuple[None, list[str]]:
        return None, ["download: no network"]

    monkeypatch.setenv("GIBBSLAB_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("GIBBSLAB_CACHE_DIR", str(tmp_path))
    monkeypatch.setattr("gibbslab.datasets._search.SYSTEM_DIR", tmp_path)
    monkeypatch.setattr("gibbslab.datasets._download.fetch", offline)
    assert main(["train", "rbm", "--data", "mnist", "--output", "m"]) == 2
    err = capsys.readouterr().err
    assert "was not found. Tried:" in err
    assert err.count("\n") == 1


# info


def test_info_tells_configuration_and_data(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for variable in ("GIBBSLAB_DATA_DIR", "GIBBSLAB_CACHE_DIR"):
        monkeypatch.setenv(variable, str(tmp_path))
    monkeypatch.setattr("gibbslab.datasets._search.SYSTEM_DIR", tmp_path)
    assert main(["info"]) == 0
    out = capsys.readouterr().out
    for name, value in gibbslab.show_config("dicts").items():
        if isinstance(value, str):
            assert re.search(rf"^{name} +{re.escape(value)}$", out, re.MULTILINE)
    assert re.search(r"^  mnist-sample +comes with gibbslab$", out, re.MULTILINE)
    assert re.search(r"^  mnist +not found$", out, re.MULTILINE)


# Data files


def read(path: Path) -> np.ndarray:
    from argparse import Namespace

    from gibbslab.cli._data import load_data

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


def test_resume_needs_an_estimator(model_file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    line = ["train", "rbm", "--data", "digits", "--resume", str(model_file), "--output", "m"]
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


def test_interrupt_elsewhere_is_status_130(
    monkeypatch: pytest.MonkeyPatch, model_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupt(*args: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("gibbslab.io.load", interrupt)
    assert main(["sample", str(model_file), "--output", "a.npy"]) == 130
    assert capsys.readouterr().err == "gibbslab: interrupted\n"


# sample


def test_samples_as_array(model_file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    line = ["sample", str(model_file), "--n", "7", "--steps", "3", "--seed", "4"]
    assert main([*line, "--output", "a.npy"]) == 0
    assert "7 samples (states after 3 steps)" in capsys.readouterr().out
    states = np.load("a.npy")
    assert states.shape == (7, 16)
    assert states.dtype == np.float32
    assert set(np.unique(states)) == {0, 1}
    assert main([*line, "--output", "b.npy", "--n-threads", "1"]) == 0
    assert Path("a.npy").read_bytes() == Path("b.npy").read_bytes()
    assert main([*line, "--output", "p.npy", "--values", "probabilities"]) == 0
    probabilities = np.load("p.npy")
    assert ((probabilities > 0) & (probabilities < 1)).all()


def test_samples_as_picture(model_file: Path) -> None:
    assert main(["sample", str(model_file), "--steps", "3", "--output", "a.png"]) == 0
    assert is_png(Path("a.png"))
    line = ["sample", str(model_file), "--steps", "3", "--image-shape", "2", "8"]
    assert main([*line, "--output", "wide.png"]) == 0
    assert is_png(Path("wide.png"))


# evaluate


def test_evaluate_enumerates_small_models(
    model_file: Path, data_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["evaluate", str(model_file), "--data", str(data_file)]) == 0
    out = capsys.readouterr().out
    model, X = io.load(model_file), np.load(data_file)
    likelihood = model.log_likelihood(X).mean()
    assert number(out, "log-likelihood, exact") == pytest.approx(likelihood, abs=0.006)
    assert number(out, "pseudo-likelihood") == pytest.approx(
        model.pseudo_likelihood(X).mean(), abs=0.006
    )
    assert 0 < number(out, "reconstruction error") < 1


def test_evaluate_estimates_larger_models(capsys: pytest.CaptureFixture[str]) -> None:
    io.save(RBM(64, 30, random_state=0, n_threads=1), "m")
    line = ["evaluate", "m", "--data", "digits", "--chains", "20", "--temperatures", "200"]
    assert main([*line, "--quiet", "--n-samples", "50"]) == 0
    captured = capsys.readouterr()
    assert captured.err == ""
    assert "50 images of 64 pixels, grey values binarised (sample, seed 0)" in captured.out
    values = re.findall(r"AIS +(\S+) nats per image  \[(\S+), (\S+)\]", captured.out)
    assert len(values) == 2
    for value, low, high in values:
        assert float(low) <= float(value) <= float(high)


def test_evaluate_warns_when_the_estimates_disagree(capsys: pytest.CaptureFixture[str]) -> None:
    rbm = RBM(64, 30, random_state=0, n_threads=1)
    rbm.W = 40 * rbm.W
    io.save(rbm, "m")
    line = ["evaluate", "m", "--data", "digits", "--chains", "5", "--temperatures", "2", "--quiet"]
    assert main([*line, "--binarize", "threshold"]) == 0
    captured = capsys.readouterr()
    assert captured.err.startswith("gibbslab: warning: the two estimates do not agree")
    assert "binarised (threshold" in captured.out


# demo

DEMO = ["demo", "--epochs", "1", "--n-components", "16", "--chains", "10", "--temperatures", "50"]
PICTURES = [
    "filters.png",
    "inpainting.png",
    "learning_curve.png",
    "reconstructions.png",
    "samples.png",
]


def test_demo_writes_pictures_and_model(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*DEMO, "--output", "out/demo", "--n-threads", "1"]) == 0
    captured = capsys.readouterr()
    folder = Path("out/demo")
    assert sorted(path.name for path in folder.iterdir()) == sorted(
        ["model.safetensors", *PICTURES]
    )
    assert all(is_png(folder / name) for name in PICTURES)
    assert "1/1" in captured.err
    trained = io.load(folder / "model.safetensors")
    assert trained.model_.h_size == 16
    assert "wrote to the folder out/demo: model.safetensors, filters.png" in captured.out
    assert number(captured.out, "pseudo-likelihood") < 0
    exact = number(captured.out, "log-likelihood, exact")
    assert -784 * np.log(2) < exact < 0
    assert matplotlib.pyplot.get_fignums() == []


def test_demo_without_matplotlib_says_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    assert main([*DEMO, "--output", "demo", "--n-threads", "1"]) == 0
    assert [path.name for path in Path("demo").iterdir()] == ["model.safetensors"]
    out = capsys.readouterr().out
    assert "no pictures: " in out
    assert 'pip install "gibbslab[plot]"' in out


def test_module_and_function_are_the_same_program() -> None:
    line = [sys.executable, "-m", "gibbslab", "--version"]
    options = {"capture_output": True, "text": True, "env": ENVIRONMENT}
    done = subprocess.run(line, check=True, **options)
    assert done.stdout == f"gibbslab {gibbslab.__version__}\n"
    wrong = subprocess.run([*line[:-1], "fly"], check=False, **options)
    assert wrong.returncode == 2
    assert wrong.stderr.startswith("gibbslab: error: ")
