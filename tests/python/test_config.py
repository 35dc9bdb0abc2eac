"""What the package says it runs on, and which BLAS it takes hold of."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import gibbslab
import pytest
from threadpoolctl import ThreadpoolController, threadpool_info, threadpool_limits

FIRST = ("numpy.linalg", "scipy.linalg", "sklearn.neural_network", "gibbslab")
TELL = "import {}, gibbslab._config as c; lib = c._scipy_blas(); print(lib and lib.filepath)"


def blas_folders() -> set[str]:
    libraries = ThreadpoolController().lib_controllers
    return {Path(lib.filepath).parent.name for lib in libraries if lib.user_api == "blas"}


@pytest.mark.parametrize("first", FIRST)
def test_the_blas_in_use_is_that_of_scipy_whatever_was_imported_first(first: str) -> None:
    run = [sys.executable, "-c", TELL.format(first)]
    told = subprocess.run(run, capture_output=True, text=True, check=True, timeout=120).stdout
    folder = Path(told.strip()).parent.name
    # A distribution's NumPy and SciPy may share one library; wheels bring one each.
    assert folder == "scipy.libs" or blas_folders() == {folder}


def test_config_as_a_dictionary() -> None:
    config = gibbslab.show_config("dicts")
    assert config is not None
    assert config["isa"] in config["available_isas"]
    assert config["available_isas"][0] == "baseline"
    assert config["version"] == gibbslab.__version__
    assert config["threads"] >= 1
    assert config["cuda"].startswith("absent: ")


def test_config_tells_how_convolutions_are_computed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GIBBSLAB_CUDA_CONVOLUTIONS", raising=False)
    assert (gibbslab.show_config("dicts") or {})["cuda_convolutions"] == "fp32"
    monkeypatch.setenv("GIBBSLAB_CUDA_CONVOLUTIONS", "tf32")
    assert (gibbslab.show_config("dicts") or {})["cuda_convolutions"] == "tf32"


def test_config_as_a_table(capsys: pytest.CaptureFixture[str]) -> None:
    assert gibbslab.show_config() is None
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == list(gibbslab.show_config("dicts") or {})


def test_config_refuses_an_unknown_mode() -> None:
    with pytest.raises(ValueError, match=r"\[show_config\] mode must be .* got 'json'"):
        gibbslab.show_config("json")


def test_threadpoolctl_sees_and_limits_the_core() -> None:
    def threads() -> list[int]:
        return [x["num_threads"] for x in threadpool_info() if x["user_api"] == "gibbslab"]

    (before,) = threads()
    with threadpool_limits(1, user_api="gibbslab"):
        assert threads() == [1]
    assert threads() == [before]
