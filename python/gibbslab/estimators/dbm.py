"""The deep Boltzmann machine as a scikit-learn estimator."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from ..callbacks import Callback
from ..models import DBM as StepDBM
from ._dbm_settings import DBMSettings, resolve_dbm
from ._dbm_training import DBMTraining, begin_dbm
from ._deep_features import AIS_TEMPERATURES, MAX_EXACT_UNITS, DeepFeatures
from ._greedy import Rows
from .schedules import Schedule

__all__ = ["DBM"]

DoubleArray = npt.NDArray[np.float64]


class DBM(DeepFeatures, BaseEstimator):
    """Deep Boltzmann machine (Salakhutdinov and Hinton 2009), trained by mean field and PCD.

    Training is bit-identical for the same seed, whatever the number of threads.

    Parameters
    ----------
    hidden_layer_sizes : sequence of int, default=(256, 256)
        Units of the hidden layers from the bottom up, at least two layers.
    learning_rate : float, schedule or callable(epoch) -> float, default=0.01
        Step size, above 0; see `BernoulliRBM`.
    batch_size : int, default=100
        Samples per mini-batch; the last one of an epoch may be shorter.
    n_iter : int, default=10
        Epochs per call of `fit`, after those of the pre-training.
    verbose : int, default=0
        Above 0: a line per epoch, and a progress bar.
    random_state : int, RandomState, Generator or None, default=None
        Seed of weights, order and samples.
    k : int, default=1
        Gibbs sweeps of the persistent chains per batch.
    n_chains : int or None, default=None
        Persistent chains; `batch_size` of them if None.
    mean_field_iterations : int, default=30
        Fixed-point iterations at most, at least 1.
    mean_field_tolerance : float, default=1e-4
        They stop when no mean of the batch changes by more; with 0 all are run.
    momentum : float, schedule or callable(epoch) -> float, default=0.0
        In [0, 1).
    l1, l2 : float, default=0.0
        Weight decay: l1 sign(W) + l2 W is subtracted from the gradient.
    centered : bool, default=True
        Follow the centred gradient (Montavon and Mueller 2012), which needs no pre-training.
    pretrain_iter : int, default=0
        Epochs of greedy CD-1 for each layer, from the lowest, before those of all layers; with
        doubled inputs as in Salakhutdinov and Hinton (2009), batch size, momentum and l2 as above.
    pretrain_learning_rate : float, schedule or callable(epoch) -> float, default=0.05
        Of these epochs.
    sample_input : bool, default=False
        Take grey values as probabilities and draw binary inputs anew for every batch; the
        pre-training does so always.
    shuffle : bool, default=True
        Visit the samples in a new order every epoch.
    validation_fraction : float, default=0.0
        Share of the samples that `fit` sets aside and measures on, in [0, 1).
    callbacks : sequence of Callback, optional
        See `gibbslab.callbacks`.
    warm_start : bool, default=False
        Let `fit` go on where it stopped.
    device : {"auto", "cpu", "cuda"}, default="auto"
        Where to compute.
    n_threads : int or None, default=None
        Threads to use at most; None for all that are allowed.

    Attributes
    ----------
    model_ : gibbslab.models.DBM
        The step-level model, with weights, chains through all layers, AIS and bounds.
    n_epochs_ : int
        Epochs done by `fit`, those of the pre-training of each layer included.
    history_ : dict of str to list of float
        One value per epoch: reconstruction_error, unnormalised_bound (of log p(v), but for log Z,
        so that only differences between samples mean something), mean_field_iterations, the same
        for validation data, bound_gap, learning_rate, momentum, time in s. With pre-training also
        stage: the layer in training, from 0, or the number of layers for all of them; while it
        lasts there is the reconstruction error of the layer's RBM only.

    Examples
    --------
    >>> import numpy as np
    >>> from gibbslab import DBM
    >>> X = np.eye(4, dtype=np.float32)
    >>> DBM((3, 2), n_iter=2, random_state=0).fit(X).transform(X).shape
    (4, 2)
    """

    _shown = ("reconstruction_error", "validation_reconstruction_error")
    _schedules = ("learning_rate", "momentum", "pretrain_learning_rate")
    _training: DBMTraining
    model_: StepDBM

    def __init__(
        self,
        hidden_layer_sizes: Sequence[int] = (256, 256),
        *,
        learning_rate: Schedule = 0.01,
        batch_size: int = 100,
        n_iter: int = 10,
        verbose: int = 0,
        random_state: int | np.random.RandomState | np.random.Generator | None = None,
        k: int = 1,
        n_chains: int | None = None,
        mean_field_iterations: int = 30,
        mean_field_tolerance: float = 1e-4,
        momentum: Schedule = 0.0,
        l1: float = 0.0,
        l2: float = 0.0,
        centered: bool = True,
        pretrain_iter: int = 0,
        pretrain_learning_rate: Schedule = 0.05,
        sample_input: bool = False,
        shuffle: bool = True,
        validation_fraction: float = 0.0,
        callbacks: Sequence[Callback] | None = None,
        warm_start: bool = False,
        device: str = "auto",
        n_threads: int | None = None,
    ) -> None:
        self.hidden_layer_sizes = hidden_layer_sizes
        self.learning_rate = learning_rate
        self.batch_size = batch_size
        self.n_iter = n_iter
        self.verbose = verbose
        self.random_state = random_state
        self.k = k
        self.n_chains = n_chains
        self.mean_field_iterations = mean_field_iterations
        self.mean_field_tolerance = mean_field_tolerance
        self.momentum = momentum
        self.l1 = l1
        self.l2 = l2
        self.centered = centered
        self.pretrain_iter = pretrain_iter
        self.pretrain_learning_rate = pretrain_learning_rate
        self.sample_input = sample_input
        self.shuffle = shuffle
        self.validation_fraction = validation_fraction
        self.callbacks = callbacks
        self.warm_start = warm_start
        self.device = device
        self.n_threads = n_threads

    def fit(self, X: Any, y: Any = None, *, validation_data: Any = None) -> DBM:
        """Pre-train where asked to, and train for `n_iter` epochs.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Training data, 0/1 or grey values in [0, 1].
        y : ignored
            For scikit-learn's interface.
        validation_data : {array-like, sparse matrix} of shape (n, n_features), optional
            Data to measure on after every epoch, instead of `validation_fraction`.

        Returns
        -------
        self

        Raises
        ------
        TypeError, ValueError
            If an argument or parameter has a wrong type, shape or value; nothing has changed.
        DivergenceError
            If a weight would become non-finite; the weights before that batch are kept.
        """
        self._fit(X, y, validation_data)
        return self

    def partial_fit(self, X: Any, y: Any = None) -> DBM:
        """Train on a chunk of data once, in mini-batches in the given order; see `fit`.

        Stage and schedules stand at epoch `n_epochs_`, which `partial_fit` does not advance: with
        pre-training to do it trains the layer whose turn it is.
        """
        self._partial_fit(X, y)
        return self

    def _resolve(self, op: str) -> DBMSettings:
        return resolve_dbm(self, op)

    def _check_goes_on(self, settings: DBMSettings, op: str) -> None:
        for name, value, now in (
            ("hidden_layer_sizes", settings.hidden_layer_sizes, self.model_.layer_sizes[1:]),
            ("pretrain_iter", settings.pretrain_iter, self._training.stage_epochs),
        ):
            if value != now:
                raise ValueError(f"[{op}] {name} must stay {now} with warm_start, got {value}")

    def _begin(self, X: Any, settings: DBMSettings, seed: int) -> DBMTraining:
        return begin_dbm(X, settings, seed)

    def _dataset(self, X: Any, target: Any, op: str, device: str) -> Rows:
        return Rows(X, op, device)

    def _last_epoch(self, training: Any, settings: DBMSettings) -> int:
        return max(training.epoch, training.greedy_epochs) + settings.n_iter

    def transform(self, X: Any) -> npt.NDArray[Any]:
        """Mean-field probabilities of the top layer.

        Those of every layer are ``model_.infer(X).means``.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Values of the visible units.

        Returns
        -------
        ndarray of shape (n_samples, hidden_layer_sizes[-1])
            float32 for float32 input, else float64.

        Raises
        ------
        NotFittedError
            Before `fit`.
        TypeError, ValueError
            If `X` has a wrong type, shape or value.
        """
        width = getattr(self, "_n_features_out", 0)
        return self._rows(X, "transform", width, lambda v: self.model_.infer(v).means[-1])

    def reconstruct(self, X: Any) -> npt.NDArray[Any]:
        """Visible means given the mean-field posterior of each sample; as `transform`.

        Returns
        -------
        ndarray of shape (n_samples, n_features)
            Probabilities.
        """
        width = getattr(self, "n_features_in_", 0)
        return self._rows(X, "reconstruct", width, lambda v: self.model_.reconstruct(v))

    def score_samples(self, X: Any) -> DoubleArray:
        """Variational lower bound on the log-likelihood of every sample.

        log Z is exact where the even or the odd layers have at most 16 units; else it is an AIS
        estimate of 100 chains and 10,000 temperatures, made once for the present weights. See
        ``model_.ais_bounds`` for its error.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Values of the visible units, binary in principle.

        Returns
        -------
        ndarray of shape (n_samples,), float64
            In nats.

        Raises
        ------
        NotFittedError
            Before `fit`.
        TypeError, ValueError
            If `X` has a wrong type, shape or value.
        """
        bounds = self._rows(
            X, "score_samples", None, lambda v: self.model_.bound_of(v, self.model_.infer(v))
        )
        return bounds - self._log_z()

    def _log_z(self) -> float:
        """log Z of the present weights, worked out once."""
        sizes = self.model_.layer_sizes
        if min(sum(sizes[::2]), sum(sizes[1::2])) <= MAX_EXACT_UNITS:
            return self.model_.log_partition()
        model = self.model_
        return self._estimated_once(
            model.named_parameters().values(),
            lambda: model.ais(n_temperatures=AIS_TEMPERATURES, random_state=model.seed).log_z,
        )

    def sample(self, n_samples: int = 1, n_steps: int = 1000) -> npt.NDArray[np.bool_]:
        """Visible states of Gibbs chains of `n_steps` sweeps from random starts.

        Parameters
        ----------
        n_samples : int, default=1
            Chains.
        n_steps : int, default=1000
            Sweeps, at least 1.

        Returns
        -------
        ndarray of shape (n_samples, n_features), bool
        """
        check_is_fitted(self)
        return self.model_.sample(n_samples, n_steps)[1].astype(bool)

    def inpaint(self, X: Any, known_mask: npt.ArrayLike, n_steps: int = 100) -> npt.NDArray[Any]:
        """Draw the unknown units given the known ones; see `gibbslab.models.DBM.inpaint`.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows with known values where `known_mask` is true.
        known_mask : array_like of bool, shape (n_features,) or (n_samples, n_features)
            True where a unit is known.
        n_steps : int, default=100
            Sweeps, at least 1.

        Returns
        -------
        ndarray of shape (n_samples, n_features)
            0/1 states of the unknown units; known units as given.
        """
        return self._inpainted(X, known_mask, n_steps)
