"""Estimators of networks: going on, copies, files, divergence. One body for all of them."""

from __future__ import annotations

import doctest
import importlib
import pickle
from copy import deepcopy
from pathlib import Path
from typing import Any, ClassVar

import gibbslab
import numpy as np
import pytest
from gibbslab import Autoencoder, DivergenceError, FormatError, nn
from gibbslab.callbacks import Checkpoint, CSVLogger
from gibbslab.io._layer_sizes import check_sizes
from model_files import joined, parts
from neural_cases import (
    NEURAL,
    V,
    assert_same_training,
    convolutions,
    data,
    finished,
    layers,
)
from sklearn.base import clone
from stopping import StopAfter


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "model.safetensors"


@pytest.mark.parametrize("way", ["file", "pickle"])
@pytest.mark.parametrize("case", NEURAL)
def test_ten_epochs_are_five_kept_and_five(case: str, way: str, path: Path) -> None:
    whole = NEURAL[case]().fit(data())
    stop = StopAfter(5 * -(-whole.model_.draws // whole.n_epochs_))
    part = NEURAL[case](callbacks=[stop]).fit(data())
    if way == "pickle":
        part = pickle.loads(pickle.dumps(part))
    else:
        part.save(path)
        part = gibbslab.load(path)
    assert part._training.epoch + (part._training.batch > 0) == 5
    assert_same_training(finished(part), whole)
    assert part.n_epochs_ == 10


@pytest.mark.parametrize("stop", [1, 17, 33])
@pytest.mark.parametrize("case", NEURAL)
def test_training_resumes_within_an_epoch(case: str, stop: int, path: Path) -> None:
    whole = NEURAL[case]().fit(data())
    part = NEURAL[case](callbacks=[StopAfter(stop)]).fit(data())
    part.save(path)
    loaded = gibbslab.load(path)
    assert_same_training(loaded, part)
    assert_same_training(finished(loaded), whole)
    assert_same_training(finished(part), whole)


@pytest.mark.parametrize("case", NEURAL)
def test_everything_comes_back(case: str, path: Path) -> None:
    whole = NEURAL[case]().fit(data().astype(np.float32))
    whole.save(path)
    loaded = gibbslab.load(path)
    for other in (loaded, pickle.loads(pickle.dumps(whole)), deepcopy(whole)):
        assert other._training.model is other.model_
        assert_same_training(other, whole)
        for method in ("transform", "score_samples", "reconstruct"):
            got, expected = (getattr(net, method)(data()) for net in (other, whole))
            np.testing.assert_array_equal(got, expected)
        assert_same_training(other.partial_fit(data(9)), deepcopy(whole).partial_fit(data(9)))
    params, theirs = whole.get_params(), loaded.get_params()
    assert {n: v for n, v in params.items() if n != "architecture"} == {
        n: v for n, v in theirs.items() if n != "architecture"
    }
    assert not hasattr(clone(loaded), "model_")


@pytest.mark.parametrize("case", NEURAL)
def test_threads_do_not_change_a_bit(case: str) -> None:
    one, two = (NEURAL[case](n_threads=n).fit(data()) for n in (1, 2))
    assert_same_training(one, two)
    assert two.model_.parameters()[0]._node.n_threads == 2
    one.set_params(warm_start=True, n_iter=2, n_threads=2).fit(data())
    assert one.model_.parameters()[0]._node.n_threads == 2
    assert_same_training(one, two.set_params(warm_start=True, n_iter=2).fit(data()))


@pytest.mark.parametrize("case", NEURAL)
def test_training_that_blows_up_keeps_the_last_good_weights(case: str) -> None:
    net = NEURAL[case](n_iter=2, warm_start=True).fit(data())
    before, draws = net.model_.state_dict(), net.model_.draws
    net.set_params(learning_rate=3e38, momentum=0.0, optimizer="sgd")
    with pytest.raises(DivergenceError, match=r"^\[\w+.fit\] .* would become non-finite") as caught:
        net.fit(1e3 * data() if getattr(net, "loss", "") == "mse" else data())
    now = net.model_.state_dict()
    assert all(np.isfinite(x).all() for x in now.values())
    assert len(net.transform(data())) == len(data())  # perhaps infinite, of weights near 1e38
    done = net.model_.draws - draws
    if done == 0:
        assert all((now[name] == before[name]).all() for name in before)
    assert caught.value.tensor in now
    assert caught.value.epoch == net.n_epochs_
    assert caught.value.batch == net._training.batch
    net.model_.load_state_dict(before)
    net.set_params(learning_rate=0.001, n_iter=1).fit(data())
    assert np.isfinite(net.score(data()))


def test_a_checkpoint_and_a_log_are_complete(path: Path, tmp_path: Path) -> None:
    log = tmp_path / "log.csv"
    net = NEURAL["autoencoder, plain"](callbacks=[Checkpoint(path, every=4), CSVLogger(log)])
    whole = net.fit(data())
    loaded = gibbslab.load(path)
    assert loaded.n_epochs_ == 8
    assert_same_training(finished(loaded), whole)
    rows = log.read_text().splitlines()
    assert len(rows) == 11
    assert "loss" in rows[0].split(",")


def test_progress_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    NEURAL["autoencoder, plain"](verbose=1, n_iter=2).fit(data())
    out, err = capsys.readouterr()
    assert "[Autoencoder] Iteration 2, loss = " in out
    assert "Autoencoder" in err


def test_layers_come_back_with_the_weights_they_learned(path: Path) -> None:
    net = NEURAL["autoencoder, layers"]().fit(data())
    net.save(path)
    encoder, decoder = gibbslab.load(path).architecture
    assert [type(layer) for layer in encoder] == [type(layer) for layer in layers()[0]]
    assert (decoder[0].p, decoder[0].seed) == (0.2, 1)
    np.testing.assert_array_equal(encoder[2].weight.data, net.model_.encoder[2].weight.data)


def test_layers_of_other_classes_cannot_be_saved(path: Path) -> None:
    class Square(nn.Module):
        def forward(self, x: Any) -> nn.Variable:
            return x * x

    networks = [nn.Linear(V, 3), Square()], [nn.Linear(3, V)]
    net = Autoencoder(networks, n_iter=1, n_threads=1).fit(data())
    with pytest.raises(TypeError, match="a layer Square cannot be stored in a file"):
        net.save(path)
    with pytest.raises(TypeError, match="a layer Square cannot be stored in a file"):
        clone(net).set_params(callbacks=[Checkpoint(path)]).fit(data())


def test_sizes_between_layers_are_foreseen() -> None:
    swapped: dict[str, Any] = {"data_format": "NCHW", "padding": 1}
    networks = [
        ((V,), convolutions()[0]), ((4,), convolutions()[1]), ((V,), layers()[0]),
        ((24,), [nn.Reshape(2, -1, 4), nn.Conv2d(2, 5, 3, 2, **swapped), nn.Flatten(),
                 nn.Reshape(5, 2, 2), nn.ConvTranspose2d(5, 3, (2, 3), 2, **swapped),
                 nn.Upsample((1, 2), data_format="NCHW")]),
    ]  # fmt: skip
    for shape, network in networks:
        found = nn.Sequential(*network).eval()(np.zeros((1, *shape), np.float32))
        assert check_sizes(network, shape) == found.shape[1:]


def test_a_file_of_huge_layers_is_refused(path: Path) -> None:
    NEURAL["autoencoder, images"](n_iter=1).fit(data()).save(path)
    metadata, table, tensors = parts(path.read_bytes())
    decoder = metadata["params"]["architecture"]["decoder"]
    at = [layer["layer"] for layer in decoder].index("Upsample")
    decoder[at : at + 1] = 3 * [{**decoder[at], "scale_factor": [200, 200]}]
    path.write_bytes(joined(metadata, table, tensors))
    with pytest.raises(FormatError, match=r"Upsample would give values \(80000, 80000, 2\)"):
        gibbslab.load(path)


def test_a_file_of_images_that_are_not_square_is_refused(path: Path) -> None:
    NEURAL["vae, images"](n_iter=1).fit(data()).save(path)
    metadata, table, tensors = parts(path.read_bytes())
    for features, message in ((8, "'conv' needs square images"), (10**4, "more than the file has")):
        metadata["state"]["n_features"] = features
        path.write_bytes(joined(metadata, table, tensors))
        with pytest.raises(FormatError, match=message):
            gibbslab.load(path)


def test_a_file_of_many_layers_is_refused(path: Path) -> None:
    """Each no larger than the file, all together much larger."""
    NEURAL["autoencoder, layers"](n_iter=1).fit(data()).save(path)
    metadata, table, tensors = parts(path.read_bytes())
    encoder = metadata["params"]["architecture"]["encoder"]
    encoder += 10**4 * [{"layer": "Linear", "in_features": 6, "out_features": 6, "bias": True}]
    path.write_bytes(joined(metadata, table, tensors))
    with pytest.raises(FormatError, match=r"architecture has 360108 weights, the file less"):
        gibbslab.load(path)


def test_the_order_of_encoder_and_decoder_in_a_file_is_free(path: Path) -> None:
    whole = NEURAL["autoencoder, layers"](n_iter=1).fit(data())
    whole.save(path)
    metadata, table, tensors = parts(path.read_bytes())
    networks = metadata["params"]["architecture"]
    metadata["params"]["architecture"] = dict(reversed(networks.items()))
    path.write_bytes(joined(metadata, table, tensors))
    np.testing.assert_array_equal(gibbslab.load(path).transform(data()), whole.transform(data()))


MODULES = (
    "estimators.autoencoder", "estimators.anomaly_detector", "estimators.vae", "models.autoencoder",
)  # fmt: skip


@pytest.mark.parametrize("module", MODULES)
def test_examples_in_the_documentation(module: str) -> None:
    result = doctest.testmod(importlib.import_module(f"gibbslab.{module}"))
    assert result.attempted > 0
    assert result.failed == 0


class OnDevice:
    """An array that lies on a card."""

    shape = (4, V)
    __cuda_array_interface__: ClassVar[dict[str, Any]] = {}


def test_arrays_on_a_device_are_refused() -> None:
    with pytest.raises(TypeError, match="X must lie on the host, got an array on a device"):
        NEURAL["autoencoder, plain"]().fit(OnDevice())
