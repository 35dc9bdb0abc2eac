"""The package's exceptions: their bases, their attributes, their pickles."""

from __future__ import annotations

import copy
import pickle

import pytest
from gibbslab.errors import DivergenceError, FormatError


def test_format_error_is_a_value_error() -> None:
    assert issubclass(FormatError, ValueError)


def test_divergence_error_is_a_runtime_error() -> None:
    assert issubclass(DivergenceError, RuntimeError)


def test_divergence_error_attributes_default_to_none() -> None:
    error = DivergenceError("[fit] W is not finite")
    assert (error.epoch, error.batch, error.tensor) == (None, None, None)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_divergence_error_survives_pickling(protocol: int) -> None:
    error = DivergenceError("[fit] W is not finite", epoch=3, batch=17, tensor="W")
    back = pickle.loads(pickle.dumps(error, protocol))
    assert type(back) is DivergenceError
    assert str(back) == "[fit] W is not finite"
    assert (back.epoch, back.batch, back.tensor) == (3, 17, "W")


def test_divergence_error_survives_copying() -> None:
    back = copy.deepcopy(DivergenceError("m", epoch=0, batch=0, tensor="v_bias"))
    assert (back.epoch, back.batch, back.tensor) == (0, 0, "v_bias")
