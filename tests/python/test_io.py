"""Saving and loading: everything comes back, and training goes on bit for bit."""

from __future__ import annotations

import json
import os
import pickle
import stat
import struct
from pathlib import Path
from typing import Any

import gibbslab
import numpy as np
import pandas
import pytest
from gibbslab import BernoulliRBM, io
from gibbslab.callbacks import Checkpoint, EarlyStopping
from gibbslab.estimators import Exponential, Inverse, Linear, Steps
from gibbslab.models import RBM, ClassificationRBM
from safetensors.numpy import load_file
from sklearn.exceptions import NotFittedError
from stopping import StopAfter
from training_cases import CASES, V, assert_same_training, binary, grey, make


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "model.safetensors"


def header(path: Path) -> dict[str, Any]:
    content = path.read_bytes()
    (length,) = struct.unpack("<Q", content[:8])
    return json.loads(content[8 : 8 + length])


# ---- resuming -------------------------------------------------------------------------------


@pytest.mark.parametrize("data", [grey, binary])
@pytest.mark.parametrize("case", CASES)
def test_ten_epochs_are_five_saved_loaded_and_five(case: str, data: Any, path: Path) -> None:
    X = data()
    whole = make(case).fit(X)
    make(case, n_iter=5).fit(X).save(path)
    loaded = gibbslab.load(path)
    assert_same_training(loaded.set_params(warm_start=True, n_threads=2).fit(X), whole)
    assert loaded.n_epochs_ == 10


@pytest.mark.parametrize("stop", [1, 17, 44])
def test_a_checkpoint_within_an_epoch(stop: int, path: Path) -> None:
    """Stopped by a callback after `stop` batches, saved, loaded, finished."""
    whole = make("everything").fit(grey())
    rbm = make("everything", callbacks=[StopAfter(stop)]).fit(grey())
    assert (rbm.n_epochs_, rbm._training.batch) == divmod(stop, 5)
    rbm.save(path)
    loaded = gibbslab.load(path)
    loaded.set_params(warm_start=True, n_iter=10 - rbm.n_epochs_).fit(grey())
    assert_same_training(loaded, whole)


def test_partial_fit_goes_on_after_loading(path: Path) -> None:
    rbm = make("momentum schedule").partial_fit(grey())
    rbm.save(path)
    loaded = gibbslab.load(path)
    assert_same_training(loaded.partial_fit(grey(1)), rbm.partial_fit(grey(1)))


# ---- what comes back ------------------------------------------------------------------------


@pytest.mark.parametrize("case", CASES)
def test_everything_comes_back(case: str, path: Path) -> None:
    frame = pandas.DataFrame(grey().astype(np.float32), columns=[f"ä{i}" for i in range(V)])
    rbm = make(case, n_iter=2).fit(frame)
    rbm.save(path)
    loaded = gibbslab.load(path)
    assert loaded.get_params() == rbm.get_params()
    assert loaded.history_ == rbm.history_
    assert list(loaded.feature_names_in_) == list(rbm.feature_names_in_)
    assert loaded.n_features_in_ == V
    assert loaded.components_.dtype == np.float32
    assert list(loaded.get_feature_names_out()) == list(rbm.get_feature_names_out())
    assert_same_training(loaded, rbm)
    for method in ("gibbs", "transform", "score_samples"):
        np.testing.assert_array_equal(getattr(loaded, method)(frame), getattr(rbm, method)(frame))
    assert_same_training(pickle.loads(pickle.dumps(loaded)), rbm)


def test_a_step_level_model_comes_back(path: Path) -> None:
    model = RBM(5, 3, cd_k=4, random_state=2**64 - 1, n_threads=2)
    model.update_weights_for_batch(np.eye(5), 0.1)
    model.save(path)
    loaded = gibbslab.load(path)
    assert (loaded.cd_k, loaded.n_threads, loaded.seed) == (4, 2, 2**64 - 1)
    np.testing.assert_array_equal(loaded.W, model.W)
    for mine, theirs in zip(loaded(np.eye(5)), model(np.eye(5))):
        np.testing.assert_array_equal(mine, theirs)
    model.update_weights_for_batch(np.eye(5))
    loaded.update_weights_for_batch(np.eye(5))
    np.testing.assert_array_equal(loaded.W, model.W)


def test_a_step_level_classifier_comes_back(path: Path) -> None:
    model = ClassificationRBM(5, 3, n_classes=2, random_state=7, n_threads=2)
    model.gibbs(np.ones((1, 3)))
    model.save(path)
    loaded = gibbslab.load(path)
    assert (loaded.n_classes, loaded.n_threads, loaded.seed) == (2, 2, 7)
    np.testing.assert_array_equal(loaded.log_proba(np.eye(5)), model.log_proba(np.eye(5)))
    for mine, theirs in zip(loaded.gibbs(np.ones((9, 3)), 3), model.gibbs(np.ones((9, 3)), 3)):
        np.testing.assert_array_equal(mine, theirs)


SCHEDULES = [Linear(0.1, 0.0, 4), Exponential(0.1, 0.5), Inverse(0.1, 2.0), Steps((1, 0.5), (2,))]


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_schedules_come_back(schedule: Any, path: Path) -> None:
    make("plain", n_iter=1, learning_rate=schedule).fit(grey()).save(path)
    assert gibbslab.load(path).learning_rate == schedule


@pytest.mark.parametrize("seed", [None, 3, np.int64(3), 2**64 - 1])
def test_a_seed_comes_back_as_it_is(seed: Any, path: Path) -> None:
    make("plain", n_iter=1, random_state=seed).fit(grey()).save(path)
    assert gibbslab.load(path).random_state == seed


@pytest.mark.parametrize("source", [np.random.RandomState(1), np.random.default_rng(1)])
def test_a_generator_is_stored_as_the_seed_it_gave(source: Any, path: Path) -> None:
    rbm = make("plain", n_iter=1, random_state=source).fit(grey())
    rbm.save(path)
    assert gibbslab.load(path).random_state == rbm.model_.seed


def test_numpy_scalars_as_parameters(path: Path) -> None:
    params = {"learning_rate": np.float32(0.25), "batch_size": np.int32(4), "shuffle": np.True_}
    make("plain", n_iter=np.int64(1), **params).fit(grey()).save(path)
    loaded = gibbslab.load(path)
    assert {name: getattr(loaded, name) for name in params} == params


def test_callbacks_are_left_out(path: Path) -> None:
    make("everything", n_iter=1, callbacks=[EarlyStopping()]).fit(grey()).save(path)
    assert gibbslab.load(path).callbacks is None


def test_changed_parameters_are_saved_with_a_state_that_fits_them(path: Path) -> None:
    """What the next fit would do with changed options, it does after loading too."""
    for change in ({"n_chains": 4}, {"n_chains": 30}, {"method": "cd"}, {"batch_size": 5}):
        rbm = make("plain", n_iter=2, warm_start=True).fit(grey()).set_params(**change)
        rbm.save(path)
        assert_same_training(gibbslab.load(path).fit(grey()), rbm.fit(grey()))
    rbm = make("cd", n_iter=2, warm_start=True).fit(grey()).set_params(method="pcd")
    rbm.save(path)
    assert_same_training(gibbslab.load(path).fit(grey()), rbm.fit(grey()))


def test_a_missing_measure_comes_back_as_nan(path: Path) -> None:
    rbm = make("plain", n_iter=1, warm_start=True).fit(grey())
    rbm.fit(grey(), validation_data=grey(1)).save(path)
    np.testing.assert_equal(gibbslab.load(path).history_, rbm.history_)


# ---- what is refused ------------------------------------------------------------------------


def test_unfitted_estimators_are_refused(path: Path) -> None:
    with pytest.raises(NotFittedError):
        BernoulliRBM().save(path)
    assert not path.exists()


@pytest.mark.parametrize("name", ["learning_rate", "momentum"])
def test_functions_are_refused(name: str, path: Path) -> None:
    rbm = make("plain", n_iter=1).set_params(**{name: lambda epoch: 0.1}).fit(grey())
    with pytest.raises(TypeError, match=rf"^\[save\] {name}: a function cannot be stored"):
        rbm.save(path)
    assert not path.exists()
    with pytest.raises(TypeError, match="cannot be stored"):
        rbm.set_params(callbacks=[Checkpoint(path)]).fit(grey())


@pytest.mark.parametrize("thing", [None, 3, {"W": np.eye(2)}, RBM, make])
def test_other_objects_are_refused(thing: Any, path: Path) -> None:
    with pytest.raises(TypeError, match=r"^\[save\] model must be a .*BernoulliRBM or .*, got"):
        io.save(thing, path)


def test_a_missing_file_is_an_os_error(path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        gibbslab.load(path)


# ---- the file -------------------------------------------------------------------------------


def test_any_safetensors_reader_reads_it(path: Path) -> None:
    rbm = make("plain", n_iter=1).fit(grey())
    rbm.save(path)
    tensors = load_file(path)
    np.testing.assert_array_equal(tensors["W"], rbm.model_.W)
    np.testing.assert_array_equal(tensors["chains"], rbm.h_samples_)
    metadata = json.loads(header(path)["__metadata__"]["gibbslab"])
    assert metadata["format_version"] == 1
    assert metadata["class"] == "BernoulliRBM"
    assert metadata["params"]["batch_size"] == 9
    assert b"pickle" not in path.read_bytes()


def test_the_same_model_gives_the_same_file(path: Path) -> None:
    rbm = make("everything", n_iter=2).fit(grey())
    rbm.save(path)
    first = path.read_bytes()
    gibbslab.load(path).save(path)
    assert path.read_bytes() == first


def test_saving_replaces_and_leaves_nothing_beside(path: Path) -> None:
    for n_iter in (1, 2):
        make("plain", n_iter=n_iter).fit(grey()).save(os.fspath(path))
    assert gibbslab.load(os.fspath(path)).n_epochs_ == 2
    assert os.listdir(path.parent) == [path.name]


def test_links_and_permissions_are_respected(path: Path) -> None:
    link = path.with_name("link")
    link.symlink_to(path)
    make("plain", n_iter=1).fit(grey()).save(link)
    assert link.is_symlink()
    assert gibbslab.load(path).n_epochs_ == 1
    umask = os.umask(0)
    os.umask(umask)
    assert stat.S_IMODE(path.stat().st_mode) == 0o666 & ~umask
