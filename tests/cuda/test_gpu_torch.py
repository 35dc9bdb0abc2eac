"""PyTorch's arrays on a real card, both ways."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from gibbslab.models import RBM

pytestmark = pytest.mark.gpu

V, H = 33, 17
GREY = np.random.default_rng(0).random((6, V), dtype=np.float32)


def model() -> RBM:
    return RBM(V, H, random_state=0, device="cuda")


@pytest.mark.parametrize("binary", [True, False])
def test_a_tensor_goes_in_and_comes_out(binary: bool) -> None:
    v = (GREY > 0.5).astype(np.float32) if binary else GREY
    expected = model().hidden_mean(v)
    got = torch.from_dlpack(model().hidden_mean(torch.from_numpy(v).cuda()))
    assert got.is_cuda
    np.testing.assert_array_equal(got.cpu().numpy(), expected)


def test_work_on_another_stream_is_waited_for() -> None:
    stream = torch.cuda.Stream()
    v = torch.from_numpy(GREY).cuda()
    torch.cuda.synchronize()
    for _ in range(20):
        with torch.cuda.stream(stream):
            torch.cuda._sleep(10_000_000)
            doubled = v * 2
            mean = torch.from_dlpack(model().hidden_mean(doubled))
            total = (mean * 2).cpu().numpy()
        np.testing.assert_array_equal(total, model().hidden_mean(GREY * 2) * 2)


def test_memory_is_shared_without_a_copy() -> None:
    mean = model().hidden_mean(torch.from_numpy(GREY).cuda())
    tensor = torch.from_dlpack(mean)
    tensor.fill_(7)
    torch.cuda.synchronize()
    np.testing.assert_array_equal(mean.to_numpy(), np.full((6, H), 7, np.float32))


def test_a_result_outlives_its_model() -> None:
    tensor = torch.from_dlpack(model().hidden_mean(torch.from_numpy(GREY).cuda()))
    expected = model().hidden_mean(GREY)
    for _ in range(10):
        model().hidden_mean(torch.from_numpy(GREY + 1).cuda())
    np.testing.assert_array_equal(tensor.cpu().numpy(), expected)


@pytest.mark.parametrize(
    "dtype",
    [torch.bool, torch.uint8, torch.int64, torch.float16, torch.bfloat16, torch.float64],
)
def test_other_numbers_are_converted(dtype: torch.dtype) -> None:
    v = (torch.from_numpy(GREY) * 3).to(dtype)
    got = torch.from_dlpack(model().hidden_mean(v.cuda()))
    np.testing.assert_array_equal(got.cpu().numpy(), model().hidden_mean(v.float().numpy()))


def test_other_tensors_are_refused() -> None:
    v = torch.from_numpy(GREY).cuda()
    with pytest.raises(TypeError, match=r"v must hold float32 or bool, .* got complex64"):
        model().hidden_mean(v.to(torch.complex64))
    with pytest.raises(TypeError, match="v cannot be shared by its owner"):
        model().hidden_mean(v.clone().requires_grad_())
    with pytest.raises(ValueError, match="v must have contiguous rows on the device"):
        model().hidden_mean(torch.from_numpy(GREY.T.copy()).cuda().T)
    with pytest.raises(TypeError, match="v lies on a CUDA device"):
        RBM(V, H, device="cpu").hidden_mean(v)
