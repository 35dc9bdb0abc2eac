"""Callbacks: when they are called, what they see, what the ones provided do."""

from __future__ import annotations

import csv
import pickle
import re
from copy import deepcopy
from pathlib import Path
from typing import Any

import gibbslab
import numpy as np
import pytest
from gibbslab import DivergenceError
from gibbslab.callbacks import Callback, Checkpoint, CSVLogger, EarlyStopping, ProgressBar
from training_cases import assert_same_training, binary, grey, make


class Recorder(Callback):
    """Notes every call, and answers with `stop`."""

    def __init__(self, stop: Any = None) -> None:
        self.calls: list[Any] = []
        self.stop = stop

    def on_train_begin(self, estimator: Any) -> None:
        self.calls.append(("begin", estimator.n_epochs_))

    def on_epoch_end(self, estimator: Any, epoch: int, logs: dict[str, float]) -> bool:
        assert logs["epoch"] == epoch == estimator.n_epochs_ - 1
        assert {name: column[-1] for name, column in estimator.history_.items()} == logs
        self.calls.append(epoch)
        return self.stop == epoch

    def on_train_end(self, estimator: Any, logs: dict[str, float]) -> None:
        self.calls.append(("end", logs.get("epoch")))


class BatchRecorder(Recorder):
    """The same at every batch."""

    def on_batch_end(self, estimator: Any, epoch: int, batch: int, logs: Any) -> bool:
        assert logs == {"learning_rate": 0.1}
        self.calls.append((epoch, batch))
        return self.stop == (epoch, batch)


# ---- the calls ------------------------------------------------------------------------------


def test_epoch_calls() -> None:
    recorder = Recorder()
    rbm = make("plain", n_iter=2, warm_start=True, callbacks=[recorder]).fit(grey())
    rbm.fit(grey())
    assert recorder.calls == [("begin", 0), 0, 1, ("end", 1), ("begin", 2), 2, 3, ("end", 3)]


def test_batch_calls() -> None:
    recorder = BatchRecorder()
    make("plain", n_iter=2, callbacks=[recorder]).fit(grey())
    batches = [(epoch, batch) for epoch in range(2) for batch in range(6)]
    expected = [("begin", 0), *batches[:6], 0, *batches[6:], 1, ("end", 1)]
    assert recorder.calls == expected


def test_partial_fit_calls_nothing() -> None:
    recorder = BatchRecorder()
    make("plain", callbacks=[recorder]).partial_fit(grey())
    assert recorder.calls == []


class Busy(Callback):
    """Measures after every epoch."""

    def on_epoch_end(self, estimator: Any, epoch: int, logs: dict[str, float]) -> None:
        estimator.transform(grey())
        estimator.score_samples(grey())
        estimator.free_energy(grey())


@pytest.mark.parametrize("kind", [Recorder, BatchRecorder, Busy])
@pytest.mark.parametrize("case", ["plain", "everything"])
def test_listening_changes_nothing(case: str, kind: type[Callback]) -> None:
    quiet = make(case).fit(grey())
    assert_same_training(make(case, callbacks=[kind()]).fit(grey()), quiet)


def test_batches_are_trained_in_one_call_unless_someone_listens(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from gibbslab.estimators import _training

    spans: list[range] = []
    train = _training.Training.train

    def spy(self: Any, data: Any, order: Any, batches: range, *rest: Any) -> int:
        spans.append(batches)
        return train(self, data, order, batches, *rest)

    monkeypatch.setattr(_training.Training, "train", spy)
    make("plain", n_iter=1, callbacks=[Recorder()]).fit(grey())
    assert spans == [range(6)]
    spans.clear()
    make("plain", n_iter=1, callbacks=[BatchRecorder()]).fit(grey())
    assert spans == [range(i, i + 1) for i in range(6)]


def test_stopping_after_an_epoch() -> None:
    first, second = Recorder(stop=3), Recorder()
    rbm = make("plain", callbacks=[first, second]).fit(grey())
    assert rbm.n_epochs_ == 4
    assert first.calls == second.calls
    assert_same_training(rbm, make("plain", n_iter=4).fit(grey()))


@pytest.mark.parametrize("place", [(0, 0), (1, 3), (2, 5)])
def test_stopping_after_a_batch_and_going_on(place: tuple[int, int]) -> None:
    rbm = make("plain", n_iter=10, callbacks=[BatchRecorder(place)]).fit(grey())
    rbm.set_params(callbacks=None, warm_start=True, n_iter=10 - rbm.n_epochs_).fit(grey())
    assert_same_training(rbm, make("plain").fit(grey()))


def test_the_end_is_told_whatever_ends_it() -> None:
    recorder = Recorder()
    rbm = make("plain", learning_rate=1e6, l2=1e6, callbacks=[recorder])
    with pytest.raises(DivergenceError):
        rbm.fit(grey())
    assert recorder.calls[-1] == ("end", None)

    class Failing(Callback):
        def on_epoch_end(self, estimator: Any, epoch: int, logs: Any) -> None:
            raise LookupError("planted")

    recorder = Recorder()
    with pytest.raises(LookupError):
        make("plain", callbacks=[recorder, Failing()]).fit(grey())
    assert recorder.calls == [("begin", 0), 0, ("end", 0)]


def test_one_that_cannot_begin_ends_only_those_that_did() -> None:
    class Failing(Callback):
        def on_train_begin(self, estimator: Any) -> None:
            raise LookupError("planted")

    before, after = Recorder(), Recorder()
    with pytest.raises(LookupError):
        make("plain", callbacks=[before, Failing(), after]).fit(grey())
    assert before.calls == [("begin", 0), ("end", None)]
    assert after.calls == []


@pytest.mark.parametrize("wrong", [print, Callback, "bar"])
def test_other_things_are_no_callbacks(wrong: Any) -> None:
    rbm = make("plain", callbacks=[wrong])
    with pytest.raises(TypeError, match=r"^\[BernoulliRBM.fit\] callbacks must be instances of"):
        rbm.fit(grey())
    assert not hasattr(rbm, "model_")


# ---- early stopping -------------------------------------------------------------------------


class Plan(Callback):
    """Puts planned values into the logs."""

    def __init__(self, values: list[float]) -> None:
        self.values = values

    def on_epoch_end(self, estimator: Any, epoch: int, logs: dict[str, float]) -> None:
        logs["planned"] = self.values[epoch]


@pytest.mark.parametrize(
    ("mode", "values", "options", "best", "stopped"),
    [
        ("max", [1, 3, 2, 2, 9], {"patience": 2}, 1, 3),
        ("min", [3, 1, 2, 2, 0], {"patience": 2}, 1, 3),
        ("auto", [3, 1, 2, 2, 0], {"patience": 2}, 1, 3),
        ("max", [1, 3, 2, 4, 5], {"patience": 2}, 4, None),
        ("max", [1, 3, 3.5, 3.9, 4.1], {"patience": 3, "min_delta": 1}, 4, None),
        ("max", [1, 3, 3.5, 3.9, 4.0], {"patience": 3, "min_delta": 1}, 1, 4),
        ("max", [1, np.nan, np.nan, 2, 3], {"patience": 2}, 0, 2),
    ],
)
def test_early_stopping(
    mode: str, values: list[float], options: dict[str, Any], best: int, stopped: int | None
) -> None:
    stopper = EarlyStopping("planned", mode=mode, **options)
    rbm = make("plain", n_iter=5, callbacks=[Plan(values), stopper]).fit(grey())
    assert (stopper.best_epoch, stopper.best, stopper.stopped_epoch) == (
        best,
        values[best],
        stopped,
    )
    assert len(rbm.history_["epoch"]) == (5 if stopped is None else stopped + 1)
    # The model is the one of the best epoch, with all that going on needs.
    assert rbm.n_epochs_ == best + 1
    shorter = make("plain", n_iter=best + 1).fit(grey())
    rest = {"n_iter": 9 - best, "warm_start": True, "callbacks": None}
    assert_same_training(rbm.set_params(**rest).fit(grey()), make("plain").fit(grey()))
    np.testing.assert_array_equal(
        shorter.set_params(**rest).fit(grey()).components_, rbm.components_
    )


def test_early_stopping_without_restoring() -> None:
    stopper = EarlyStopping("planned", mode="max", patience=2, restore_best=False)
    rbm = make("plain", n_iter=5, callbacks=[Plan([3, 2, 1, 0, 0]), stopper]).fit(grey())
    assert rbm.n_epochs_ == 3
    assert_same_training(rbm, make("plain", n_iter=3).fit(grey()))


def test_early_stopping_watches_validation_by_default() -> None:
    stopper = EarlyStopping(patience=3)
    rbm = make("plain", n_iter=200, learning_rate=0.3, callbacks=[stopper])
    rbm.fit(binary(), validation_data=binary(seed=9))
    column = rbm.history_["validation_pseudo_likelihood"]
    assert stopper.stopped_epoch is not None
    assert stopper.best == max(column) == column[stopper.best_epoch]
    with pytest.raises(ValueError, match=r"^\[EarlyStopping\] monitor must be one of"):
        rbm.fit(binary())


def test_early_stopping_survives_copies_while_training() -> None:
    stopper = EarlyStopping()
    for copy in (deepcopy(stopper), pickle.loads(pickle.dumps(stopper))):
        assert vars(copy) == vars(stopper)


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"mode": "best"}, ValueError),
        ({"patience": 0}, ValueError),
        ({"min_delta": "a"}, TypeError),
    ],
)
def test_bad_early_stopping(options: dict[str, Any], error: type[Exception]) -> None:
    with pytest.raises(error, match=r"^\[EarlyStopping\]"):
        EarlyStopping(**options)


# ---- checkpoints ----------------------------------------------------------------------------


def test_a_checkpoint_is_the_run_at_that_epoch(tmp_path: Path) -> None:
    path = tmp_path / "rbm-{epoch}.safetensors"
    whole = make("everything", callbacks=[Checkpoint(path, every=4)]).fit(grey())
    assert sorted(p.name for p in tmp_path.iterdir()) == ["rbm-4.safetensors", "rbm-8.safetensors"]
    loaded = gibbslab.load(tmp_path / "rbm-4.safetensors")
    assert_same_training(loaded, make("everything", n_iter=4).fit(grey()))
    loaded.set_params(warm_start=True, n_iter=10 - loaded.n_epochs_).fit(grey())
    assert_same_training(loaded, whole)


def test_a_checkpoint_that_cannot_be_written_stops_the_run(tmp_path: Path) -> None:
    rbm = make("plain", callbacks=[Checkpoint(tmp_path / "absent" / "rbm")])
    with pytest.raises(FileNotFoundError, match=r"\[save\] \d+ bytes could not be written to"):
        rbm.fit(grey())
    assert rbm.n_epochs_ == 1


@pytest.mark.parametrize(("every", "error"), [(0, ValueError), (1.5, TypeError)])
def test_bad_checkpoint(every: Any, error: type[Exception]) -> None:
    with pytest.raises(error, match=r"^\[Checkpoint\] every"):
        Checkpoint("x", every)


# ---- log file -------------------------------------------------------------------------------


def rows(path: Path) -> list[dict[str, str]]:
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def numbers(path: Path) -> list[dict[str, float]]:
    return [{k: float(v) for k, v in row.items() if k != "time"} for row in rows(path)]


def history_rows(rbm: Any) -> list[dict[str, float]]:
    history = {name: column for name, column in rbm.history_.items() if name != "time"}
    return [dict(zip(history, row)) for row in zip(*history.values())]


def test_the_log_is_the_history(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    rbm = make("everything", n_iter=3, callbacks=[CSVLogger(path)]).fit(grey())
    assert numbers(path) == history_rows(rbm)
    rbm.fit(grey())
    assert numbers(path) == history_rows(rbm)
    rbm.set_params(warm_start=True).fit(grey())
    assert numbers(path) == history_rows(rbm)
    assert len(rows(path)) == 6


def test_the_log_is_complete_after_every_epoch(tmp_path: Path) -> None:
    class Reader(Callback):
        def on_epoch_end(self, estimator: Any, epoch: int, logs: dict[str, float]) -> None:
            assert [int(row["epoch"]) for row in rows(tmp_path / "log.csv")] == list(
                range(epoch + 1)
            )
            seen.append(epoch)

    seen: list[int] = []
    make("plain", n_iter=3, callbacks=[CSVLogger(tmp_path / "log.csv"), Reader()]).fit(grey())
    assert seen == [0, 1, 2]


@pytest.mark.parametrize("torn", ["", "7,0.", "1", "9,9,9,9,9,9,9,9,9,9\r\n", "x,,\r\n"])
def test_a_resumed_log_drops_what_is_ahead_or_torn(torn: str, tmp_path: Path) -> None:
    """Killed in epoch 7, resumed from the checkpoint of epoch 4."""
    log, saved = tmp_path / "log.csv", tmp_path / "rbm"
    callbacks = [CSVLogger(log), Checkpoint(saved, every=4)]
    make("plain", n_iter=7, callbacks=callbacks).fit(grey())
    with open(log, "a", newline="", encoding="utf-8") as file:
        file.write(torn)
    loaded = gibbslab.load(saved)
    loaded.set_params(warm_start=True, n_iter=6, callbacks=[CSVLogger(log)]).fit(grey())
    assert numbers(log) == history_rows(make("plain").fit(grey()))


def test_new_columns_join_a_resumed_log(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    rbm = make("plain", n_iter=2, warm_start=True, callbacks=[CSVLogger(path)]).fit(grey())
    rbm.fit(grey(), validation_data=grey(1))
    gaps = [row["free_energy_gap"] for row in rows(path)]
    assert gaps[:2] == ["", ""]
    assert [float(gap) for gap in gaps[2:]] == rbm.history_["free_energy_gap"][2:]


def test_a_resumed_log_may_be_missing(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    rbm = make("plain", n_iter=2, warm_start=True).fit(grey())
    rbm.set_params(callbacks=[CSVLogger(path)]).fit(grey())
    assert [row["epoch"] for row in rows(path)] == ["2", "3"]


# ---- what is printed ------------------------------------------------------------------------

LINE = r"\[BernoulliRBM\] Iteration %d, pseudo-likelihood = -?\d+\.\d\d, time = \d+\.\d\ds\n"


def test_verbose_prints_lines_and_a_bar(capsys: pytest.CaptureFixture[str]) -> None:
    rbm = make("plain", n_iter=2, verbose=1, warm_start=True).fit(grey())
    out, err = capsys.readouterr()
    assert re.fullmatch(LINE % 1 + LINE % 2, out)
    assert "BernoulliRBM: 100%" in err
    assert f"{rbm.history_['pseudo_likelihood'][1]:.2f}" in err
    rbm.fit(grey())
    assert re.fullmatch(LINE % 3 + LINE % 4, capsys.readouterr().out)


def test_the_bar_alone(capsys: pytest.CaptureFixture[str]) -> None:
    bar = ProgressBar()
    make("plain", n_iter=2, callbacks=[bar]).fit(grey(), validation_data=grey(1))
    out, err = capsys.readouterr()
    assert out == ""
    assert "2/2" in err
    assert "validation_pseudo_likelihood=" in err
    assert vars(pickle.loads(pickle.dumps(bar))) == {}


def test_silence_by_default(capsys: pytest.CaptureFixture[str]) -> None:
    make("plain").fit(grey()).partial_fit(grey()).gibbs(grey())
    assert capsys.readouterr() == ("", "")
