"""Models take arrays on the device where they lie, and answer in kind."""

from __future__ import annotations

import gc
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import reference
from foreign_arrays import ByDlpack, ByInterface
from gibbslab import BernoulliRBM, DeviceArray, metrics
from gibbslab.models import RBM

V, H = 9, 4
RNG = np.random.default_rng(0)
GREY = RNG.random((6, V), dtype=np.float32)
BITS = (GREY > 0.5).astype(np.float32)
HIDDEN = RNG.normal(size=(6, H)).astype(np.float32)
MASK = np.arange(V) < 3

Call = Callable[[RBM, Any], Any]
# Each takes a model and visible states; results of both kinds of input are compared.
ON_DEVICE: dict[str, Call] = {
    "forward": lambda m, v: m(v),
    "hidden_mean": lambda m, v: m.hidden_mean(v, beta=0.5),
    "sample_hidden": lambda m, v: m.sample_hidden(v),
    "gibbs": lambda m, v: m.gibbs(v, 2),
    "clamped": lambda m, v: m.gibbs(v, 2, mask=MASK),
    "clamped to one row": lambda m, v: m.gibbs(v, 2, mask=MASK, known=v[:1]),
    "clamped to a host's row": lambda m, v: m.gibbs(v, 2, mask=MASK, known=BITS[:1]),
    "sample": lambda m, v: m.sample(8, 2, start=v),
    "inpaint": lambda m, v: m.inpaint(v, MASK, 2),
}
ON_HOST: dict[str, Call] = {
    "free_energy": lambda m, v: m.free_energy(v),
    "energy": lambda m, v: m.energy(v, m.hidden_mean(v)),
    "stochastic": lambda m, v: m.pseudo_likelihood(v, method="stochastic", random_state=0),
    "reconstruction_error": lambda m, v: m.reconstruction_error(v),
    "metrics": lambda m, v: metrics.reconstruction_error(m, v),
    "gap": lambda m, v: metrics.free_energy_gap(m, v, v[:3]),
}
ON_BITS: dict[str, Call] = {
    "log_likelihood": lambda m, v: m.log_likelihood(v),
    "pseudo_likelihood": lambda m, v: m.pseudo_likelihood(v),
    "ais": lambda m, v: (
        metrics.ais(m, v, n_chains=3, n_temperatures=4, random_state=0, progress=False).log_z
    ),
}


def model() -> RBM:
    return RBM(V, H, random_state=3, device="cuda", n_threads=1)


def parts(result: Any) -> tuple[Any, ...]:
    return result if isinstance(result, tuple) else (result,)


@pytest.mark.parametrize("values", ["grey", "bits"])
@pytest.mark.parametrize("method", ON_DEVICE)
def test_the_answer_is_the_same_and_on_the_device(method: str, values: str) -> None:
    v = GREY if values == "grey" else BITS
    expected = parts(ON_DEVICE[method](model(), v))
    got = parts(ON_DEVICE[method](model(), DeviceArray.from_numpy(v)))
    assert len(got) == len(expected)
    for a, b in zip(got, expected):
        assert isinstance(a, DeviceArray)
        assert isinstance(b, np.ndarray)
        assert a.writeable
        np.testing.assert_array_equal(a.to_numpy(), b)


@pytest.mark.parametrize("method", [*ON_HOST, *ON_BITS])
def test_measures_are_numpys(method: str) -> None:
    call = (ON_HOST | ON_BITS)[method]
    v = BITS if method in ON_BITS else GREY
    expected = call(model(), v)
    got = call(model(), DeviceArray.from_numpy(v))
    assert type(got) is type(expected)
    np.testing.assert_array_equal(got, expected)


def test_known_values_go_where_the_chains_lie() -> None:
    got = model().gibbs(GREY, 2, mask=MASK, known=DeviceArray.from_numpy(BITS))
    assert isinstance(got, np.ndarray)
    np.testing.assert_array_equal(got, model().gibbs(GREY, 2, mask=MASK, known=BITS))


def test_hidden_states_may_lie_on_the_device() -> None:
    h = DeviceArray.from_numpy(HIDDEN)
    for a, b in zip(model().reconstruct(h, 2), model().reconstruct(HIDDEN, 2)):
        np.testing.assert_array_equal(a.to_numpy(), b)
    np.testing.assert_array_equal(model().visible_mean(h).to_numpy(), model().visible_mean(HIDDEN))
    np.testing.assert_array_equal(
        model().sample_visible(h).to_numpy(), model().sample_visible(HIDDEN)
    )
    v_prob, v = model().sample(3, 2, start_hidden=h)
    assert isinstance(v_prob, DeviceArray)
    assert v.shape == (3, V)


@pytest.mark.parametrize("values", ["grey", "bits"])
def test_training_on_the_device_is_the_same(values: str) -> None:
    v = GREY if values == "grey" else BITS
    here, there = model(), model()
    for _ in range(3):
        here.update_weights_for_batch(v)
        there.update_weights_for_batch(DeviceArray.from_numpy(v))
    for name in ("W", "v_bias", "h_bias"):
        np.testing.assert_array_equal(getattr(there, name), getattr(here, name))


@pytest.mark.parametrize("name", ["W", "v_bias", "h_bias"])
def test_parameters_are_copied_from_the_device(name: str) -> None:
    rbm, other = model(), model()
    given = DeviceArray.from_numpy(getattr(rbm, name) + np.float32(1))
    setattr(other, name, given)
    np.testing.assert_array_equal(getattr(other, name), given.to_numpy())
    held = other.device_array(name).__cuda_array_interface__["data"][0]
    assert held != given.__cuda_array_interface__["data"][0]
    with pytest.raises(ValueError, match=rf"^\[RBM\] {name} must have shape .*, got \(1, 1\)"):
        setattr(other, name, DeviceArray.from_numpy(np.ones((1, 1), np.float32)))


FOREIGN: dict[str, Callable[[DeviceArray], Any]] = {
    "interface": ByInterface,
    "interface on stream 1": lambda x: ByInterface(x, stream=1),
    "interface without stream": lambda x: ByInterface(x, stream=None),
    "versioned": lambda x: ByDlpack(x, strides=(x.strides[0] // 4, 1)),
    "unversioned": lambda x: ByDlpack(x, strides=(x.strides[0] // 4, 1), versioned=False),
}


@pytest.mark.parametrize("values", ["grey", "bits"])
@pytest.mark.parametrize("producer", FOREIGN)
def test_arrays_of_other_libraries_are_taken(producer: str, values: str) -> None:
    v = GREY if values == "grey" else BITS
    source = FOREIGN[producer](DeviceArray.from_numpy(v))
    got = model()(source)
    for a, b in zip(got, model()(v)):
        np.testing.assert_array_equal(a.to_numpy(), b)


@pytest.mark.parametrize("versioned", [True, False])
def test_a_capsule_is_given_back_once(versioned: bool) -> None:
    source = ByDlpack(
        DeviceArray.from_numpy(GREY.reshape(1, -1)), versioned=versioned, shape=GREY.shape
    )
    rbm = model()
    out = rbm.hidden_mean(source)
    gc.collect()
    assert source.given_back == 1
    np.testing.assert_array_equal(out.to_numpy(), model().hidden_mean(GREY))
    with pytest.raises(ValueError, match="must have 9 columns"):
        rbm.hidden_mean(ByDlpack(source.memory, shape=(1, 3)))
    assert source.given_back == 1


def packed(values: np.ndarray) -> DeviceArray:
    """The values without padding between rows, as one row on the device."""
    return DeviceArray.from_numpy(np.ascontiguousarray(values, np.float32).reshape(1, -1))


# Shapes and strides in floats that give rows of V values: of the whole memory of `packed`.
LAYOUTS: dict[str, tuple[np.ndarray, tuple[int, ...], tuple[int, ...] | None, np.ndarray]] = {
    "flat": (GREY, (6, V), None, GREY),
    "images": (GREY, (6, 3, 3), (9, 3, 1), GREY),
    "stacked": (GREY, (2, 3, 9), (27, 9, 1), GREY),
    "one row": (GREY, (V,), (1,), GREY[:1]),
    "one row of two axes": (GREY, (1, V), (1000, 1), GREY[:1]),
    "every other row": (GREY, (3, V), (2 * V, 1), GREY[::2]),
    "part of longer rows": (np.pad(GREY, ((0, 0), (0, 2))), (6, V), (V + 2, 1), GREY),
    "images far apart": (GREY, (3, 3, 3), (18, 3, 1), GREY[::2]),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_layouts_with_a_row_stride_are_taken(layout: str) -> None:
    values, shape, strides, rows = LAYOUTS[layout]
    source = ByDlpack(packed(values), shape=shape, strides=strides)
    np.testing.assert_array_equal(model().hidden_mean(source).to_numpy(), model().hidden_mean(rows))


@pytest.mark.parametrize(
    ("shape", "strides"),
    [((6, V), (1, 6)), ((6, V), (0, 1)), ((3, V), (V, 2)), ((2, V), (-V, 1)), ((4, V), (5, 1)),
     ((2, 3, 3), (9, 1, 3))],
)  # fmt: skip
def test_layouts_without_one_are_refused(shape: tuple[int, ...], strides: tuple[int, ...]) -> None:
    source = ByDlpack(packed(GREY), shape=shape, strides=strides)
    with pytest.raises(ValueError, match=r"^\[RBM.hidden_mean\] v must have contiguous rows on"):
        model().hidden_mean(source)
    gc.collect()
    assert source.given_back == 1


def test_the_course_templates_view_reshapes_contiguous_arrays() -> None:
    source = ByDlpack(packed(GREY), shape=(3, 2 * V))
    np.testing.assert_array_equal(model()(source)[0].to_numpy(), model()(GREY)[0])
    with pytest.raises(ValueError, match=r"batch must reshape to \(-1, 9\), got shape \(2, 5\)"):
        model()(ByDlpack(packed(GREY), shape=(2, 5)))
    padded = DeviceArray.from_numpy(np.ones((3, 2 * V), np.float32))
    with pytest.raises(ValueError, match="must have contiguous rows"):
        model()(padded)


def test_a_model_with_one_unit_takes_a_column() -> None:
    rbm = RBM(1, 2, random_state=0, device="cuda")
    source = ByDlpack(packed(GREY), shape=(6, 1), strides=(V, 1))
    np.testing.assert_array_equal(rbm.hidden_mean(source).to_numpy(), rbm.hidden_mean(GREY[:, :1]))


# Number types by what DLPack calls them: kind, bits, lanes; and what holds values of GREY in each.
OTHER_TYPES: dict[str, tuple[tuple[int, int, int], np.ndarray]] = {
    "bool": ((6, 8, 1), GREY > 0.5),
    "uint8": ((1, 8, 1), (GREY > 0.5).astype(np.uint8)),
    "int64": ((0, 64, 1), (GREY * 9).astype(np.int64)),
    "float16": ((2, 16, 1), GREY.astype(np.float16)),
    "bfloat16": ((4, 16, 1), (GREY.view(np.uint32) >> 16).astype(np.uint16)),
    "float64": ((2, 64, 1), GREY.astype(np.float64)),
}


def raw(values: np.ndarray) -> DeviceArray:
    """Their bytes on the device, rounded up to whole floats."""
    data = values.tobytes()
    return DeviceArray.from_numpy(np.frombuffer(data + bytes(-len(data) % 4), np.float32)[None])


@pytest.mark.parametrize("dtype", OTHER_TYPES)
def test_other_numbers_are_converted_on_the_device(dtype: str) -> None:
    kind, values = OTHER_TYPES[dtype]
    expected = model().hidden_mean(reference.as_float32(values, dtype))
    source = ByDlpack(raw(values), shape=values.shape, dtype=kind)
    np.testing.assert_array_equal(model().hidden_mean(source).to_numpy(), expected)
    gc.collect()
    assert source.given_back == 1
    rows = ByDlpack(raw(values), shape=(3, V), strides=(2 * V, 1), dtype=kind)
    np.testing.assert_array_equal(model().hidden_mean(rows).to_numpy(), expected[::2])
    if dtype != "bfloat16":  # which has no typestr
        described = {"typestr": values.dtype.str, "shape": values.shape, "strides": None}
        there = ByInterface(raw(values), **described)
        np.testing.assert_array_equal(model().hidden_mean(there).to_numpy(), expected)


@pytest.mark.parametrize("dtype", ["bool", "uint8", "float64"])
def test_training_on_other_numbers_is_the_same(dtype: str) -> None:
    kind, values = OTHER_TYPES[dtype]
    here, there = model(), model()
    here.update_weights_for_batch(values)
    there.update_weights_for_batch(ByDlpack(raw(values), shape=values.shape, dtype=kind))
    np.testing.assert_array_equal(there.W, here.W)


def test_numbers_that_float32_cannot_hold_are_found() -> None:
    large = GREY.astype(np.float64)
    large[2, 3] = 1e39
    source = ByDlpack(raw(large), shape=large.shape, dtype=(2, 64, 1))
    with pytest.raises(ValueError, match=r"^\[RBM.hidden_mean\] v must be finite in float32"):
        model().hidden_mean(source)


@pytest.mark.parametrize(
    ("dtype", "name"),
    [((5, 64, 1), "complex64"), ((2, 32, 4), "float32x4"), ((1, 16, 1), "uint16")],
)
def test_other_types_are_refused(dtype: tuple[int, int, int], name: str) -> None:
    source = ByDlpack(packed(GREY), shape=GREY.shape, dtype=dtype)
    text = rf"^\[RBM.gibbs\] v must hold float32 or bool, .* on the device, got {name}: convert it"
    with pytest.raises(TypeError, match=text):
        model().gibbs(source)
    for typestr in (">f4", "<c8"):
        with pytest.raises(TypeError, match=r"on the device, got [>c].*: convert it there"):
            model().gibbs(ByInterface(packed(GREY[:1]), typestr=typestr))
    odd = ByInterface(packed(GREY), typestr="<f8", shape=(2, V), strides=(8 * V + 4, 8))
    with pytest.raises(ValueError, match="v must have strides of whole elements, got"):
        model().gibbs(odd)


def test_bad_values_are_found_on_the_device() -> None:
    for bad in (np.nan, np.inf, -np.inf):
        x = GREY.copy()
        x[3, 8] = bad
        with pytest.raises(ValueError, match=r"^\[RBM.hidden_mean\] v must be finite in float32"):
            model().hidden_mean(DeviceArray.from_numpy(x))
    largest = np.full((6, V), np.finfo(np.float32).max)
    assert np.isfinite(model().hidden_mean(DeviceArray.from_numpy(largest)).to_numpy()).all()
    with pytest.raises(ValueError, match=r"^\[RBM.pseudo_likelihood\] v must hold only 0 and 1"):
        model().pseudo_likelihood(DeviceArray.from_numpy(GREY))
    empty = DeviceArray.from_numpy(np.zeros((0, V), np.float32))
    with pytest.raises(ValueError, match=re.escape("must have at least one row, got shape (0, 9)")):
        model().hidden_mean(empty)


def test_memory_that_is_not_the_devices_is_refused() -> None:
    host = np.zeros((2, V), np.float32)
    there = packed(GREY)
    at = there.__cuda_array_interface__["data"][0]
    text = r"^\[RBM.hidden_mean\] v must lie in the memory of the first CUDA device"
    for pointer, rows in [(host.ctypes.data, 2), (at, 10**9), (at + 2, 1), (0, 1)]:
        source = ByInterface(there, data=(pointer, True), shape=(rows, V), strides=None)
        with pytest.raises(ValueError, match=text):
            model().hidden_mean(source)
    with pytest.raises(ValueError, match=r"must lie on the first CUDA device, \(2, 0\), got"):
        model().hidden_mean(ByDlpack(there, shape=(6, V), device=(2, 1)))


@pytest.mark.parametrize("stream", [0, -1, "1"])
def test_streams_that_name_none_are_refused(stream: object) -> None:
    with pytest.raises(ValueError, match="v must name its stream by None, 1, 2 or a handle, got"):
        model().hidden_mean(ByInterface(packed(GREY[:1]), stream=stream))


def test_capsules_of_another_version_are_refused() -> None:
    with pytest.raises(TypeError, match=r"v cannot be shared by its owner: .* version 1, got 2"):
        model().hidden_mean(ByDlpack(packed(GREY), shape=GREY.shape, major=2))


def test_a_model_on_the_cpu_takes_no_device_array() -> None:
    rbm = RBM(V, H, random_state=0, device="cpu")
    for source in (DeviceArray.from_numpy(GREY), ByInterface(packed(GREY[:1]))):
        with pytest.raises(TypeError, match=r"^\[RBM.hidden_mean\] v lies on a CUDA device, and"):
            rbm.hidden_mean(source)
        with pytest.raises(TypeError, match=r"^\[RBM.update_weights_for_batch\] batch lies on a"):
            rbm.update_weights_for_batch(source)


def test_a_mask_must_lie_on_the_host() -> None:
    v = DeviceArray.from_numpy(BITS)
    with pytest.raises(TypeError, match=r"mask must be in the host's memory, got a DeviceArray on"):
        model().inpaint(v, v)


def estimator() -> BernoulliRBM:
    return BernoulliRBM(
        H, batch_size=3, n_iter=2, random_state=0, device="cuda", n_threads=1,
        init_visible_bias="data", validation_fraction=0.25,
    )  # fmt: skip


@pytest.mark.parametrize("producer", [lambda x: x, ByInterface])
def test_the_estimator_trains_and_answers_on_the_device(producer: Callable[[Any], Any]) -> None:
    x = (np.random.default_rng(1).random((40, V)) < 0.4).astype(np.float32)
    here, there = estimator().fit(x), estimator().fit(producer(DeviceArray.from_numpy(x)))
    np.testing.assert_array_equal(there.components_, here.components_)
    np.testing.assert_array_equal(there.intercept_visible_, here.intercept_visible_)
    assert there.history_["free_energy_gap"] == here.history_["free_energy_gap"]
    v = producer(DeviceArray.from_numpy(x[:7]))
    np.testing.assert_array_equal(there.transform(v).to_numpy(), here.transform(x[:7]))
    np.testing.assert_array_equal(there.gibbs(v).to_numpy(), here.gibbs(x[:7]).astype(np.float32))
    np.testing.assert_array_equal(there.score_samples(v), here.score_samples(x[:7]))
    np.testing.assert_array_equal(there.free_energy(v), here.free_energy(x[:7]))
    there.partial_fit(v)
    np.testing.assert_array_equal(there.components_, here.partial_fit(x[:7]).components_)


def test_the_estimator_refuses_what_it_cannot_train_on() -> None:
    flat = DeviceArray.from_numpy(GREY[0])
    with pytest.raises(ValueError, match=r"^\[BernoulliRBM.fit\] X must have 2 dimensions, got"):
        estimator().fit(flat)
    x = DeviceArray.from_numpy(GREY * 2)
    with pytest.raises(ValueError, match=r"X must lie in \[0, 1\] with sample_input, got values"):
        estimator().set_params(sample_input=True).fit(x)
    with pytest.raises(TypeError, match="X lies on a CUDA device, and the model computes on the"):
        estimator().set_params(device="cpu").fit(x)
    fitted = estimator().fit(BITS)
    with pytest.raises(ValueError, match="X has 4 features, but BernoulliRBM is expecting 9"):
        fitted.transform(DeviceArray.from_numpy(HIDDEN))
