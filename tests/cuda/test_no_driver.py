"""A package with a CUDA backend, compiled by nvcc, on a machine without a driver."""

from __future__ import annotations

import subprocess
import sys
import warnings
from pathlib import Path

import gibbslab
import numpy as np
import pytest
from gibbslab import _core
from gibbslab.models import RBM

REASON = "no NVIDIA driver was found"


def test_the_plugin_is_there_and_holds_code_for_cards() -> None:
    plugin = Path(_core.__file__).with_name("_cuda.so").read_bytes()
    assert b".nv_fatbin" in plugin


def test_cuda_is_refused_and_said_to_be_absent() -> None:
    with pytest.raises(RuntimeError, match=rf"^\[RBM\] device='cuda' cannot be used: {REASON}$"):
        RBM(3, 2, device="cuda")
    config = gibbslab.show_config("dicts")
    assert config is not None
    assert config["cuda"] == f"absent: {REASON}"


def test_auto_says_once_that_it_means_the_cpu() -> None:
    code = (
        "import warnings; warnings.simplefilter('always')\n"
        "from gibbslab.models import RBM\n"
        "print([RBM(3, 2).device for _ in range(2)])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120
    )
    assert done.stdout.strip() == "['cpu', 'cpu']"
    assert done.stderr.count(f"device='auto' uses the CPU: {REASON}") == 1


def test_auto_trains_as_the_cpu_does() -> None:
    x = (np.random.default_rng(0).random((40, 12)) < 0.3).astype(np.float32)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = gibbslab.BernoulliRBM(5, n_iter=3, random_state=1, device="auto").fit(x)
    expected = gibbslab.BernoulliRBM(5, n_iter=3, random_state=1, device="cpu").fit(x)
    np.testing.assert_array_equal(found.components_, expected.components_)
