"""CuPy's arrays on a real card, both ways and by both protocols."""

from __future__ import annotations

import cupy
import numpy as np
import pytest
from gibbslab.models import RBM

pytestmark = pytest.mark.gpu

V, H = 33, 17
GREY = np.random.default_rng(0).random((6, V), dtype=np.float32)


class InterfaceOnly:
    """A CuPy array without its DLPack."""

    def __init__(self, array: cupy.ndarray) -> None:
        self.array = array

    @property
    def __cuda_array_interface__(self) -> dict[str, object]:
        return dict(self.array.__cuda_array_interface__)


def model() -> RBM:
    return RBM(V, H, random_state=0, device="cuda")


@pytest.mark.parametrize("wrap", [lambda x: x, InterfaceOnly])
@pytest.mark.parametrize("read", [cupy.asarray, cupy.from_dlpack])
def test_an_array_goes_in_and_comes_out(wrap, read) -> None:
    for v in (GREY, (GREY > 0.5).astype(np.float32)):
        got = read(model().hidden_mean(wrap(cupy.asarray(v))))
        np.testing.assert_array_equal(got.get(), model().hidden_mean(v))


@pytest.mark.parametrize("wrap", [lambda x: x, InterfaceOnly])
def test_work_on_another_stream_is_waited_for(wrap) -> None:
    large = cupy.random.random((4096, 4096), dtype=np.float32)
    v = cupy.asarray(GREY)
    cupy.cuda.Device().synchronize()
    with cupy.cuda.Stream(non_blocking=True):
        for _ in range(20):
            large = large @ large * 1e-3
            doubled = v * 2
            total = (cupy.asarray(model().hidden_mean(wrap(doubled))) * 2).get()
            np.testing.assert_array_equal(total, model().hidden_mean(GREY * 2) * 2)


def test_memory_is_shared_without_a_copy() -> None:
    mean = model().hidden_mean(cupy.asarray(GREY))
    cupy.asarray(mean)[:] = 7
    cupy.cuda.Device().synchronize()
    np.testing.assert_array_equal(mean.to_numpy(), np.full((6, H), 7, np.float32))


@pytest.mark.parametrize("wrap", [lambda x: x, InterfaceOnly])
@pytest.mark.parametrize("dtype", [np.bool_, np.uint8, np.int64, np.float16, np.float64])
def test_other_numbers_are_converted(wrap, dtype) -> None:
    v = (GREY * 3).astype(dtype)
    got = model().hidden_mean(wrap(cupy.asarray(v)))
    np.testing.assert_array_equal(got.to_numpy(), model().hidden_mean(v))


def test_other_arrays_are_refused() -> None:
    with pytest.raises(TypeError, match=r"v must hold float32 or bool, .* got complex64"):
        model().hidden_mean(cupy.asarray(GREY).astype(np.complex64))
    with pytest.raises(ValueError, match="v must have contiguous rows on the device"):
        model().hidden_mean(cupy.asfortranarray(cupy.asarray(GREY)))
