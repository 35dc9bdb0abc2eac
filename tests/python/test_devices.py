"""Which device a model gets, and what the user is told when it is not the one asked for."""

from __future__ import annotations

import pickle
import subprocess
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path

import gibbslab
import numpy as np
import pytest
from gibbslab import _core, _devices
from gibbslab.models import RBM

REASON = "no NVIDIA driver was found"


@pytest.fixture
def broken(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A package with a CUDA backend that finds no driver."""
    monkeypatch.setattr(_core, "BUILT_WITHOUT_CUDA", "")
    monkeypatch.setattr(_devices, "cuda_absent", lambda: REASON)
    _devices._say_that_auto_means_cpu.cache_clear()
    yield
    _devices._say_that_auto_means_cpu.cache_clear()


@pytest.mark.parametrize("bad", ["gpu", "CPU", "cuda:0", "", None, 0, np.zeros(2)])
def test_names_of_devices(bad: object) -> None:
    with pytest.raises(ValueError, match=r"^\[RBM\] device must be 'auto', 'cpu' or 'cuda', got "):
        _devices.as_device(bad, "RBM")


def test_a_numbered_card_is_refused_with_the_way_to_choose_one() -> None:
    told = r"got 'cuda:1'; 'cuda' is the first card, and CUDA_VISIBLE_DEVICES chooses which"
    with pytest.raises(ValueError, match=told):
        _devices.as_device("cuda:1", "RBM")


def test_the_cpu_is_always_there() -> None:
    assert _devices.as_device("cpu") == "cpu"
    assert _core.devices()[0] == "cpu"
    assert _core.device_info("cpu") == _core.isa()
    assert RBM(3, 2, device="cpu").device == "cpu"


def test_cuda_that_is_asked_for_and_not_there_is_an_error(broken: None) -> None:
    with pytest.raises(RuntimeError, match=rf"^\[RBM\] device='cuda' cannot be used: {REASON}$"):
        RBM(3, 2, device="cuda")
    with pytest.raises(RuntimeError, match=r"^\[BernoulliRBM\.fit\] device='cuda' cannot be used"):
        gibbslab.BernoulliRBM(2, device="cuda").fit(np.eye(3))
    assert gibbslab.show_config("dicts")["cuda"] == f"absent: {REASON}"


def test_auto_says_once_that_it_means_the_cpu(broken: None) -> None:
    with pytest.warns(UserWarning, match=rf"^device='auto' uses the CPU: {REASON}$"):
        assert RBM(3, 2).device == "cpu"
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert RBM(3, 2).device == "cpu"


def test_a_package_without_a_backend_uses_the_cpu_and_says_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(_core, "BUILT_WITHOUT_CUDA", "nvcc was not found when it was built")
    _devices.cuda_absent.cache_clear()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert _devices.as_device("auto") == "cpu"
    with pytest.raises(RuntimeError, match="gibbslab was built without CUDA: nvcc was not found"):
        _devices.as_device("cuda")
    _devices.cuda_absent.cache_clear()


def test_a_model_from_another_machine_comes_to_the_cpu(broken: None) -> None:
    model = RBM(3, 2, device="cpu", random_state=1)
    model.device = "cuda"  # as it stands in the pickle of a machine with a card
    with pytest.warns(
        UserWarning, match=f"the model was on 'cuda' and is now on the CPU: {REASON}"
    ):
        copy = pickle.loads(pickle.dumps(model))
    assert copy.device == "cpu"
    np.testing.assert_array_equal(copy.W, model.W)


def test_a_device_that_is_not_loaded() -> None:
    with pytest.raises(
        ValueError, match=r"^\[device\] device must be one that is loaded, got 'tpu'"
    ):
        _core.RBM(3, 2, device="tpu")


def test_files_that_are_no_plugin(tmp_path: Path) -> None:
    assert "cannot be opened" in _core.load_plugin(str(tmp_path / "nothing.so"))
    text = tmp_path / "text.so"
    text.write_text("not a library")
    assert "cannot be opened" in _core.load_plugin(str(text))
    assert _core.load_plugin(_core.__file__).endswith("is no plug-in of gibbslab")


def test_a_plugin_that_is_missing(tmp_path: Path) -> None:
    code = (
        "from gibbslab import _core, _devices; _core.BUILT_WITHOUT_CUDA = '';"
        f"_core.__file__ = {str(tmp_path / '_core.so')!r}; print(_devices.cuda_absent())"
    )
    run = [sys.executable, "-c", code]
    told = subprocess.run(run, capture_output=True, text=True, check=True, timeout=120).stdout
    assert (
        told.strip()
        == "the plug-in '_cuda.so' is missing from the installation: reinstall gibbslab"
    )
