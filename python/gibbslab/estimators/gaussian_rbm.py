"""The Gaussian-Bernoulli RBM as a scikit-learn estimator, for real-valued data."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from .._core import DeviceArray
from .._validation import as_integer
from ..callbacks import Callback
from ._data import blocks
from ._fitting import TrainedEstimator
from ._gaussian_training import GaussianSettings, GaussianTraining, begin, resolve
from ._hidden_features import HiddenFeatures
from ._measures import EnergyMeasures
from .schedules import Schedule

__all__ = ["GaussianRBM"]

DoubleArray = npt.NDArray[np.float64]


class GaussianRBM(
    HiddenFeatures,
    EnergyMeasures,
    TrainedEstimator,
    BaseEstimator,
):
    """Gaussian-Bernoulli restricted Boltzmann machine, for images and other real-valued data.

    E(v, h) = sum_i (v_i - a_i)^2 / (2 s_i) - sum_j b_j h_j - sum_ij v_i W_ij h_j / s_i, with v
    real and h in {0, 1}. Data should be standardised: features of mean 0 and variance 1, natural
    patches whitened. The step v -> h -> v of contrastive divergence overshoots, and weights grow,
    unless ``learning_rate / (1 - momentum)`` times the number of hidden units that are on stays
    below about 2 / s; the default allows a thousand.

    Parameters
    ----------
    n_components : int, default=256
        Number of hidden units.
    variance : float or "learned", default=1.0
        Variance s of the visible units given the hidden ones; "learned" starts at 1 and trains one
        for each feature, on a log scale.
    variance_bounds : (float, float), default=(0.05, 10.0)
        Least and largest learned variance, above 0.
    learning_rate : float, schedule or callable(epoch) -> float, default=0.001
        As `BernoulliRBM`'s, and far smaller: nothing bounds a visible unit.
    batch_size : int, default=10
        Samples per mini-batch; the last one of an epoch may be shorter.
    n_iter : int, default=10
        Epochs per call of `fit`.
    verbose : int, default=0
        Above 0: a line per epoch, and a progress bar.
    random_state : int, RandomState, Generator or None, default=None
        Seed of weights, order and samples.
    method : {"cd", "pcd", "exact"}, default="cd"
        CD-k (Hinton 2002), persistent contrastive divergence (Tieleman 2008), or the gradient of
        the log-likelihood itself by enumerating the states of at most 22 hidden units.
    k, n_chains, momentum, l1, l2, max_norm, sparsity_target, sparsity_cost, centered, statistics
        As `BernoulliRBM`'s.
    init_visible_bias : {"zeros", "data"}, default="data"
        Visible biases to start from: 0, or the features' means.
    shuffle, validation_fraction, callbacks, warm_start, device, n_threads
        As `BernoulliRBM`'s.

    Attributes
    ----------
    components_ : ndarray of shape (n_components, n_features)
        Weights. Like the other arrays, of the data's dtype (float32 or float64), a read-only
        copy to read, and assignable.
    intercept_hidden_, intercept_visible_ : ndarray
        Biases, (n_components,) and (n_features,).
    variance_ : ndarray of shape (n_features,)
        Variances s.
    h_samples_ : ndarray of shape (n_chains, n_components)
        Hidden states of the persistent chains, with ``method="pcd"``.
    model_ : gibbslab.models.UnitRBM
        The model itself, for all that can be done with one.
    n_epochs_ : int
        Epochs done by `fit` since the weights were drawn.
    history_ : dict of list
        Per epoch: epoch, learning_rate, momentum, time (seconds of training) and
        reconstruction_error (of the mean field, on a fixed sample of the training data); with
        validation data validation_reconstruction_error and free_energy_gap, validation minus
        training.
    n_features_in_ : int
        Number of features.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the features, where `X` has some.

    References
    ----------
    Welling, Rosen-Zvi and Hinton (2004), Exponential family harmoniums.
    Hinton (2012), A practical guide to training restricted Boltzmann machines.
    Cho, Ilin and Raiko (2011), Improved learning of Gaussian-Bernoulli RBMs.

    Examples
    --------
    >>> import numpy as np
    >>> from gibbslab import GaussianRBM
    >>> X = np.random.default_rng(0).normal(size=(20, 3))
    >>> GaussianRBM(n_components=2, random_state=0).fit(X).transform(X).shape
    (20, 2)
    """

    sample_input = False  # of the Bernoulli RBM only
    _shown = ("reconstruction_error", "validation_reconstruction_error")

    def __init__(
        self,
        n_components: int = 256,
        *,
        variance: float | str = 1.0,
        variance_bounds: tuple[float, float] = (0.05, 10.0),
        learning_rate: Schedule = 0.001,
        batch_size: int = 10,
        n_iter: int = 10,
        verbose: int = 0,
        random_state: int | np.random.RandomState | np.random.Generator | None = None,
        method: str = "cd",
        k: int = 1,
        n_chains: int | None = None,
        momentum: Schedule = 0.0,
        l1: float = 0.0,
        l2: float = 0.0,
        max_norm: float | None = None,
        sparsity_target: float | None = None,
        sparsity_cost: float = 0.1,
        centered: bool = False,
        init_visible_bias: str = "data",
        statistics: str = "mean",
        shuffle: bool = True,
        validation_fraction: float = 0.0,
        callbacks: Sequence[Callback] | None = None,
        warm_start: bool = False,
        device: str = "auto",
        n_threads: int | None = None,
    ) -> None:
        self.n_components = n_components
        self.variance = variance
        self.variance_bounds = variance_bounds
        self.learning_rate = learning_rate
        self.batch_size = batch_size
        self.n_iter = n_iter
        self.verbose = verbose
        self.random_state = random_state
        self.method = method
        self.k = k
        self.n_chains = n_chains
        self.momentum = momentum
        self.l1 = l1
        self.l2 = l2
        self.max_norm = max_norm
        self.sparsity_target = sparsity_target
        self.sparsity_cost = sparsity_cost
        self.centered = centered
        self.init_visible_bias = init_visible_bias
        self.statistics = statistics
        self.shuffle = shuffle
        self.validation_fraction = validation_fraction
        self.callbacks = callbacks
        self.warm_start = warm_start
        self.device = device
        self.n_threads = n_threads

    def fit(self, X: Any, y: Any = None, *, validation_data: Any = None) -> GaussianRBM:
        """Train for `n_iter` epochs; parameters, return value and errors as `BernoulliRBM.fit`'s.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Training data, real.
        y : ignored
            For scikit-learn's interface.
        validation_data : {array-like, sparse matrix} of shape (n, n_features), optional
            Data to measure on after every epoch, instead of `validation_fraction`.

        Returns
        -------
        self
        """
        self._fit(X, y, validation_data)
        return self

    def partial_fit(self, X: Any, y: Any = None) -> GaussianRBM:
        """Train on a chunk of data once, in the given order, as `BernoulliRBM.partial_fit` does.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Training data, real.
        y : ignored
            For scikit-learn's interface.

        Returns
        -------
        self
        """
        self._partial_fit(X, y)
        return self

    def _resolve(self, op: str) -> GaussianSettings:
        return resolve(self, op)

    def _begin(self, X: Any, settings: GaussianSettings, seed: int) -> GaussianTraining:
        training = begin(X.shape[1], settings.n_components, settings, seed)
        if settings.data_bias:
            sums = sum(
                np.asarray(v).sum(axis=0, dtype=np.float64) for _, v in blocks(X, self._op("fit"))
            )
            training.model.v_bias = np.asarray(sums) / X.shape[0]
        return training

    @property
    def variance_(self) -> npt.NDArray[Any]:
        """Variances of the visible units, (n_features,); a read-only copy, assignable."""
        check_is_fitted(self)
        return self._read(self.model_.v_variance)  # type: ignore[attr-defined]

    @variance_.setter
    def variance_(self, value: npt.ArrayLike) -> None:
        check_is_fitted(self)
        self.model_.v_variance = value  # type: ignore[attr-defined]

    def gibbs(self, X: Any, k: int = 1) -> Any:
        """Visible states after `k` Gibbs sweeps v -> h -> v.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Where the chains start.
        k : int, default=1
            Sweeps, at least 1.

        Returns
        -------
        ndarray of shape (n_samples, n_features), float32
            New at every call: the draws are those of `model_`.
        """
        op = self._op("gibbs")
        check_is_fitted(self)
        steps = as_integer(k, "k", op)
        X = self._checked(X, op)
        if isinstance(X, DeviceArray):
            return self.model_.gibbs(X, steps)
        return self.model_.gibbs(np.concatenate([v for _, v in blocks(X, op)]), steps)

    def score_samples(self, X: Any) -> DoubleArray:
        """Minus the mean square of v - E[v | E[h | v]] over the features, for every sample.

        Log-likelihoods need log Z: see `log_likelihood` and `ais`.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Values of the visible units.

        Returns
        -------
        ndarray of shape (n_samples,), float64
            At most 0.
        """

        def score(v: Any) -> DoubleArray:
            mean = np.asarray(self.model_.visible_mean(self.model_.hidden_mean(v)))
            return -np.square(np.asarray(v) - mean).mean(axis=1, dtype=np.float64)

        return self._per_sample(X, self._op("score_samples"), score)
