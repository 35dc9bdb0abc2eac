"""Device arrays: what they say of themselves, and their way out to other libraries."""

from __future__ import annotations

import gc
import subprocess
import sys

import numpy as np
import pytest
from foreign_arrays import ByDlpack, name_of, opened
from gibbslab import DeviceArray, _core
from gibbslab.models import RBM

V, H = 9, 4
X = np.random.default_rng(0).normal(size=(5, V)).astype(np.float32)


@pytest.fixture
def array() -> DeviceArray:
    return DeviceArray.from_numpy(X)


def model(seed: int = 0) -> RBM:
    return RBM(V, H, random_state=seed, device="cuda")


def test_values_go_to_the_device_and_back(array: DeviceArray) -> None:
    np.testing.assert_array_equal(array.to_numpy(), X)
    np.testing.assert_array_equal(np.asarray(array), X)
    assert np.asarray(array, dtype=np.float64).dtype == np.float64
    with pytest.raises(ValueError, match="must be a copy, got copy=False"):
        array.__array__(copy=False)


def test_attributes_are_those_of_numpy(array: DeviceArray) -> None:
    assert array.shape == X.shape
    assert (array.ndim, array.size, len(array)) == (2, X.size, len(X))
    assert array.dtype == np.float32
    assert array.strides[1] == 4
    assert array.strides[0] >= 4 * V
    assert (array.device, array.writeable) == ("cuda", True)
    assert repr(array) == "DeviceArray(shape=(5, 9), dtype=float32, device='cuda')"


def test_a_vector_has_one_dimension() -> None:
    bias = DeviceArray.from_numpy(X[0])
    assert (bias.shape, bias.strides, len(bias)) == ((V,), (4,), V)
    np.testing.assert_array_equal(bias.to_numpy(), X[0])
    assert bias.__cuda_array_interface__["shape"] == (V,)


def test_rows_are_a_view_and_taken_rows_a_copy(array: DeviceArray) -> None:
    np.testing.assert_array_equal(array[1:4].to_numpy(), X[1:4])
    step = array.__cuda_array_interface__["data"][0] + array.strides[0]
    assert array[1:4].__cuda_array_interface__["data"][0] == step
    np.testing.assert_array_equal(array.take(np.array([4, 0, 4])).to_numpy(), X[[4, 0, 4]])
    np.testing.assert_allclose(array.column_sums(), X.sum(axis=0, dtype=np.float64), rtol=1e-6)
    with pytest.raises(ValueError, match="with a step of 1"):
        array[::2]
    with pytest.raises(ValueError, match="order must name rows"):
        array.take(np.array([5]))


def test_the_host_is_no_device() -> None:
    with pytest.raises(ValueError, match="must have a memory of its own, got 'cpu'"):
        DeviceArray.from_numpy(X, "cpu")


def test_the_interface_says_what_a_reader_needs(array: DeviceArray) -> None:
    interface = array.__cuda_array_interface__
    assert interface["version"] == 3
    assert (interface["shape"], interface["typestr"]) == ((5, V), "<f4")
    assert interface["strides"] == array.strides  # rows are padded
    assert interface["stream"] == _core.queue("cuda")
    assert interface["stream"] not in (0, None)
    assert interface["data"][1] is False
    assert array[:1].__cuda_array_interface__["strides"] is None  # one row is contiguous


@pytest.mark.parametrize("name", ["W", "v_bias", "h_bias"])
def test_parameters_are_read_only_views(name: str) -> None:
    rbm = model()
    view = rbm.device_array(name)
    np.testing.assert_array_equal(view.to_numpy(), getattr(rbm, name))
    assert not view.writeable
    assert "writeable=False" in repr(view)
    interface = view.__cuda_array_interface__
    assert interface["data"] == (rbm.device_array(name).__cuda_array_interface__["data"][0], True)
    assert opened(view.__dlpack__(max_version=(1, 0))).flags == 1
    with pytest.raises(BufferError, match=r"a read-only array needs max_version=\(1, 0\), or copy"):
        view.__dlpack__()
    copied = opened(view.__dlpack__(max_version=(1, 0), copy=True))
    assert copied.flags == 2
    assert copied.array.data != interface["data"][0]
    assert view.copy().writeable


def test_training_leaves_earlier_views_as_they_were() -> None:
    rbm = model()
    batch = (X > 0).astype(np.float32)
    seen = []
    for _ in range(4):
        seen.append((rbm.W, rbm.device_array("W")))
        rbm.update_weights_for_batch(batch, 0.5)
    assert not np.array_equal(seen[0][0], seen[3][0])
    for values, view in seen:
        np.testing.assert_array_equal(view.to_numpy(), values)


def test_training_goes_back_and_forth_between_two_blocks() -> None:
    """Where nobody looks at earlier weights, no step needs memory of its own."""
    rbm = model()
    addresses = []
    for _ in range(8):
        rbm.update_weights_for_batch(X, 0.01)
        addresses.append(rbm.device_array("W").__cuda_array_interface__["data"][0])
    assert len(set(addresses)) == 2


def test_an_array_may_be_the_first_thing_on_the_device() -> None:
    code = "import gibbslab as g; print(g.DeviceArray.from_numpy([[1, 2.5]]).to_numpy().tolist())"
    run = [sys.executable, "-c", code]
    done = subprocess.run(run, capture_output=True, text=True, check=True, timeout=300)
    assert done.stdout.strip() == "[[1.0, 2.5]]"


def test_a_name_or_device_without_parameters_is_refused() -> None:
    with pytest.raises(ValueError, match=r"name must be 'W', 'v_bias' or 'h_bias', got 'w'"):
        model().device_array("w")
    with pytest.raises(ValueError, match="the model must be on a device, got 'cpu'"):
        RBM(V, H, device="cpu").device_array("W")


@pytest.mark.parametrize("version", [None, (0, 8), (1, 0), (1, 3)])
def test_a_capsule_describes_the_array(array: DeviceArray, version: tuple[int, int] | None) -> None:
    capsule = array.__dlpack__(max_version=version)
    versioned = version is not None and version >= (1, 0)
    assert name_of(capsule) == ("dltensor_versioned" if versioned else "dltensor")
    given = opened(capsule).array
    assert given.data == array.__cuda_array_interface__["data"][0]
    assert (given.device_type, given.device_id) == (2, 0) == array.__dlpack_device__()
    assert (given.code, given.bits, given.lanes, given.byte_offset) == (2, 32, 1, 0)
    assert given.shape[: given.ndim] == [5, V]
    assert given.strides[: given.ndim] == [array.strides[0] // 4, 1]
    if versioned:
        assert (opened(capsule).major, opened(capsule).flags) == (1, 0)


@pytest.mark.parametrize("consumed", [True, False])
@pytest.mark.parametrize("version", [None, (1, 0)])
def test_a_capsule_holds_the_array_until_it_is_done(
    version: tuple[int, int] | None, consumed: bool
) -> None:
    source = ByDlpack(DeviceArray.from_numpy(X))
    lent = borrowed(source)
    capsule = lent.__dlpack__(max_version=version, copy=None) if version else None
    if capsule is None:  # a read-only array needs a version: a view of a writeable one has none
        own = DeviceArray.from_numpy(X)
        capsule = own.__dlpack__()
        lent = own
    taken = _core.DlpackArray(capsule) if consumed else None
    if consumed:
        assert name_of(capsule).startswith("used_dltensor")
    del lent
    gc.collect()
    assert source.given_back == (0 if version else 1)
    del capsule
    gc.collect()
    assert source.given_back == (1 if not version or not consumed else 0)
    del taken
    gc.collect()
    assert source.given_back == 1


def borrowed(source: ByDlpack) -> DeviceArray:
    from gibbslab._validation import as_batch

    out = as_batch(source, "x", "test", V, device="cuda")
    assert isinstance(out, DeviceArray)
    return out


def test_memory_is_held_by_a_capsule_alone() -> None:
    rbm = model()
    capsule = rbm.hidden_mean(DeviceArray.from_numpy(X)).__dlpack__(max_version=(1, 0))
    taken = ByCapsule(capsule, (2, 0))
    expected = rbm.hidden_mean(X)
    for _ in range(5):  # what would reuse the block if it were free
        rbm.hidden_mean(DeviceArray.from_numpy(X + 1))
    np.testing.assert_array_equal(as_host(taken, H), expected)


class ByCapsule:
    """Hands out one capsule that it was given."""

    def __init__(self, capsule: object, device: tuple[int, int]) -> None:
        self.capsule, self.device, self.shape = capsule, device, (len(X), H)

    def __dlpack_device__(self) -> tuple[int, int]:
        return self.device

    def __dlpack__(self, **options: object) -> object:
        return self.capsule


def as_host(source: object, width: int) -> np.ndarray:
    from gibbslab._validation import as_batch

    return as_batch(source, "x", "test", width, device="cuda").to_numpy()


def test_a_capsule_is_taken_once(array: DeviceArray) -> None:
    capsule = array.__dlpack__()
    _core.DlpackArray(capsule)
    with pytest.raises(TypeError, match=r"must be 'dltensor' or .*, got 'used_dltensor'"):
        _core.DlpackArray(capsule)


@pytest.mark.parametrize("stream", [None, -1, 1, 2])
def test_streams_of_readers(array: DeviceArray, stream: int | None) -> None:
    assert opened(array.__dlpack__(stream=stream)).array.ndim == 2


def test_our_own_stream_may_read(array: DeviceArray) -> None:
    assert opened(array.__dlpack__(stream=_core.queue("cuda"))).array.ndim == 2


@pytest.mark.parametrize(
    ("stream", "error"), [(0, ValueError), (-2, ValueError), ("1", TypeError), (True, TypeError)]
)
def test_streams_that_name_none_are_refused(
    array: DeviceArray, stream: object, error: type[Exception]
) -> None:
    with pytest.raises(error, match=r"^\[DeviceArray.__dlpack__\] stream must be "):
        array.__dlpack__(stream=stream)  # type: ignore[arg-type]


def test_other_devices_are_refused(array: DeviceArray) -> None:
    assert opened(array.__dlpack__(dl_device=(2, 0))).array.ndim == 2
    for device in [(1, 0), (2, 1)]:
        with pytest.raises(BufferError, match=r"dl_device must be \(2, 0\), got "):
            array.__dlpack__(dl_device=device)


def test_numpy_refuses_the_device(array: DeviceArray) -> None:
    with pytest.raises((BufferError, RuntimeError), match="device"):
        np.from_dlpack(array)
    if np.lib.NumpyVersion(np.__version__) >= "2.1.0":
        with pytest.raises(BufferError, match="dl_device must be"):
            np.from_dlpack(array, device="cpu")
    np.testing.assert_array_equal(array.to_numpy(), X)


def test_exports_leave_no_references(array: DeviceArray) -> None:
    before = sys.getrefcount(array)
    for _ in range(3):
        array.__dlpack__()
        _ = array.__cuda_array_interface__
    assert sys.getrefcount(array) == before
