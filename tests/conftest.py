"""Shared fixtures and the one table of tolerances."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from gibbslab import _config, _core
from gibbslab._devices import cuda_absent

# Test modules import their helpers (reference, thresholds, ...) from this folder by name.
sys.path.insert(0, str(Path(__file__).parent))
from on_device import core

# A shell that starts the tests in the background lets them ignore Ctrl-C, which some tests send.
signal.signal(signal.SIGINT, signal.default_int_handler)

# What a device may lose against float64, by kind of result.
TOLERANCES = {
    "cpu": {
        "sigmoid_ulp": 4.0,  # units in the last place of the true float32 value
        "product": 4.0,  # times 2^-24 sqrt(n) (|x| |w|), for sums of n float32 products
        "float32": 4e-7,  # relative, for short float32 formulas
        "float64": 1e-12,  # relative, for free energies, likelihoods and log Z
        "softplus": 3e-7,  # per term, for float32 exponentials summed in float64
    }
}
TOLERANCES["cuda"] = TOLERANCES["cpu"]  # the same formulas, the same accumulation


DEVICES = ["cpu"] if cuda_absent() else ["cpu", "cuda"]


@pytest.fixture(params=DEVICES)
def device(request: pytest.FixtureRequest) -> Iterator[str]:
    """Every device that this build can run; `on_device.core` computes there."""
    core.device = str(request.param)
    yield core.device
    core.device = "cpu"


@pytest.fixture
def tolerance(device: str) -> dict[str, float]:
    """The row of the table that belongs to the device."""
    return TOLERANCES[device]


@pytest.fixture(params=["scipy", "blocked"])
def blas(request: pytest.FixtureRequest) -> Iterator[str]:
    """Dense products by SciPy's BLAS, and by the loop that stands in for it."""
    if request.param == "blocked":
        _core.drop_blas()
    yield str(request.param)
    _config.connect_blas()
