"""The command line: files written, numbers printed, exit statuses and messages."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import gibbslab
import matplotlib
import numpy as np
import pytest
from gibbslab import io
from gibbslab.cli import main
from gibbslab.models import RBM
from PIL import Image

matplotlib.use("Agg")

# Commands run in another folder, where a relative PYTHONPATH would not do.
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(Path(gibbslab.__file__).parents[1])}


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
