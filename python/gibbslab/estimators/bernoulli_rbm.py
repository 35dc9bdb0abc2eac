"""The Bernoulli RBM as a scikit-learn estimator."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from .._core import DeviceArray
from .._validation import as_integer
from ..callbacks import Callback
from ._data import blocks, log_odds
from ._fitting import TrainedEstimator
from ._hidden_features import HiddenFeatures
from ._measures import Measures
from ._rbm_settings import Settings, resolve
from ._rbm_training import RBMTraining, begin
from .schedules import Schedule

__all__ = ["BernoulliRBM"]


class BernoulliRBM(HiddenFeatures, Measures, TrainedEstimator, BaseEstimator):
    """Bernoulli restricted Boltzmann machine, trained by contrastive divergence.

    Takes the place of scikit-learn's class of this name: the same parameters, attributes and
    methods, and more. Weights start as Normal(0, 0.01^2), hidden biases as 0. Training is
    bit-identical for the same seed, whatever the number of threads. On ``device="cuda"`` data may
    lie on the device, as for `gibbslab.models.RBM`, and are trained on where they lie.

    Parameters
    ----------
    n_components : int, default=256
        Number of hidden units.
    learning_rate : float, schedule or callable(epoch) -> float, default=0.1
        Step size, above 0. A schedule of `gibbslab.estimators` (`Linear`, `Exponential`,
        `Inverse`, `Steps`) or a function changes it from epoch to epoch.
    batch_size : int, default=10
        Samples per mini-batch; the last one of an epoch may be shorter, and its gradient is
        divided by its own size.
    n_iter : int, default=10
        Epochs per call of `fit`.
    verbose : int, default=0
        Above 0: a line per epoch on standard output, as scikit-learn prints, and a progress bar.
        The pseudo-likelihood is that of ``history_``.
    random_state : int, RandomState, Generator or None, default=None
        Seed of weights, order and samples.
    method : {"pcd", "cd", "pt", "exact"}, default="pcd"
        Persistent contrastive divergence (Tieleman 2008), CD-k (Hinton 2002), or persistent
        chains with parallel tempering (Desjardins et al. 2010): every chain has a replica at each
        of `n_temperatures` inverse temperatures, and the gradient takes those at 1. "exact" takes
        the expectations under the model by enumerating its smaller layer, of at most 25 units,
        in every batch: 2 ** 16 states are quick, each unit more doubles the time.
    k : int, default=1
        Gibbs sweeps per batch; with "pt", of every replica, each followed by exchanges.
    n_chains : int or None, default=None
        Persistent chains; `batch_size` of them if None.
    n_temperatures : int, default=10
        With "pt": temperatures, evenly spaced in inverse temperature from 0 to 1 at first. After
        every 100 sweeps the inner ones move half of the way to where all pairs would have been
        exchanged equally often, as the model goes on changing.
    momentum : float, schedule or callable(epoch) -> float, default=0.0
        In [0, 1). ``velocity = momentum * velocity + gradient`` and
        ``W += learning_rate * velocity``, so the momentum is not multiplied by the learning rate.
    l1, l2 : float, default=0.0
        Decay of the weights: ``l1 * sign(W) + l2 * W`` is taken from their gradient.
    max_norm : float or None, default=None
        Upper limit of the Euclidean norm of every hidden unit's weights.
    sparsity_target : float or None, default=None
        Wanted mean activity of the hidden units, in (0, 1); None for no such wish.
    sparsity_cost : float, default=0.1
        Strength of that wish: ``sparsity_cost * (sparsity_target - activity)`` is added to the
        gradient of a hidden unit's input, activity being a running mean.
    centered : bool, default=False
        Centred gradient (Montavon and Mueller 2012).
    init_visible_bias : {"zeros", "data"}, default="zeros"
        Visible biases to start from: 0, or the log-odds of the features' means (Hinton 2012).
    sample_input : bool, default=False
        Whether grey values, which must then lie in [0, 1], are probabilities from which 0/1
        states are drawn anew for every batch, or enter as they are.
    statistics : {"mean", "sample"}, default="mean"
        Hidden probabilities or 0/1 samples in the gradient.
    shuffle : bool, default=True
        Whether every epoch takes the samples in a new random order.
    validation_fraction : float, default=0.0
        Part of the samples, in [0, 1), that `fit` sets aside to measure on.
    callbacks : sequence of Callback or None, default=None
        See `gibbslab.callbacks`.
    warm_start : bool, default=False
        Whether `fit` goes on for `n_iter` more epochs from where training stands, exactly as if
        it had never stopped, also after pickling or `save` and `gibbslab.load`. Where Ctrl-C or
        a callback left an epoch unfinished, it is finished first and counts as one. This asks
        for the same data, in the same order, every time.
    device : {"auto", "cpu", "cuda"}, default="auto"
        Where to compute; "auto" takes CUDA where it works.
    n_threads : int or None, default=None
        Threads to use at most; None for all that are allowed.

    Attributes
    ----------
    components_ : ndarray of shape (n_components, n_features)
        Weights. Like the other arrays, of the data's dtype (float32 or float64), a read-only
        copy to read, and assignable.
    intercept_hidden_ : ndarray of shape (n_components,)
        Hidden biases.
    intercept_visible_ : ndarray of shape (n_features,)
        Visible biases.
    h_samples_ : ndarray of shape (n_chains, n_components)
        Hidden states of the persistent chains, with ``method="pcd"`` or "pt", there at inverse
        temperature 1.
    tempering_ : gibbslab.models.TemperingReport
        With ``method="pt"``: temperatures, swap rates since they last moved, round trips and
        sweeps (modulo a million after loading) since training began.
    model_ : gibbslab.models.RBM
        The model itself, for all that can be done with one.
    n_epochs_ : int
        Epochs done by `fit` since the weights were drawn.
    history_ : dict of list
        Per epoch: epoch, learning_rate, momentum, time (seconds of training),
        pseudo_likelihood (exact; grey values are probabilities of one fixed draw) and
        reconstruction_error (of the mean field), on a fixed sample of a twentieth of the
        training data, 100 to 1000 rows, fewer for the pseudo-likelihood of a large model; with
        validation data
        validation_pseudo_likelihood, validation_reconstruction_error and free_energy_gap,
        validation minus training. `partial_fit` adds nothing.
    n_features_in_ : int
        Number of features.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the features, where `X` has some.

    References
    ----------
    Hinton (2002), Training products of experts by minimizing contrastive divergence.
    Tieleman (2008), Training RBMs using approximations to the likelihood gradient.
    Montavon and Mueller (2012), Deep Boltzmann machines and the centering trick.
    Desjardins et al. (2010), Parallel tempering for training of restricted Boltzmann machines.
    Hinton (2012), A practical guide to training restricted Boltzmann machines.

    Examples
    --------
    >>> import numpy as np
    >>> from gibbslab import BernoulliRBM
    >>> X = np.array([[0, 0, 0], [0, 1, 1], [1, 0, 1], [1, 1, 1]])
    >>> BernoulliRBM(n_components=2, random_state=0).fit(X).transform(X).shape
    (4, 2)
    """

    def __init__(
        self,
        n_components: int = 256,
        *,
        learning_rate: Schedule = 0.1,
        batch_size: int = 10,
        n_iter: int = 10,
        verbose: int = 0,
        random_state: int | np.random.RandomState | np.random.Generator | None = None,
        method: str = "pcd",
        k: int = 1,
        n_chains: int | None = None,
        n_temperatures: int = 10,
        momentum: Schedule = 0.0,
        l1: float = 0.0,
        l2: float = 0.0,
        max_norm: float | None = None,
        sparsity_target: float | None = None,
        sparsity_cost: float = 0.1,
        centered: bool = False,
        init_visible_bias: str = "zeros",
        sample_input: bool = False,
        statistics: str = "mean",
        shuffle: bool = True,
        validation_fraction: float = 0.0,
        callbacks: Sequence[Callback] | None = None,
        warm_start: bool = False,
        device: str = "auto",
        n_threads: int | None = None,
    ) -> None:
        self.n_components = n_components
        self.learning_rate = learning_rate
        self.batch_size = batch_size
        self.n_iter = n_iter
        self.verbose = verbose
        self.random_state = random_state
        self.method = method
        self.k = k
        self.n_chains = n_chains
        self.n_temperatures = n_temperatures
        self.momentum = momentum
        self.l1 = l1
        self.l2 = l2
        self.max_norm = max_norm
        self.sparsity_target = sparsity_target
        self.sparsity_cost = sparsity_cost
        self.centered = centered
        self.init_visible_bias = init_visible_bias
        self.sample_input = sample_input
        self.statistics = statistics
        self.shuffle = shuffle
        self.validation_fraction = validation_fraction
        self.callbacks = callbacks
        self.warm_start = warm_start
        self.device = device
        self.n_threads = n_threads

    def fit(self, X: Any, y: Any = None, *, validation_data: Any = None) -> BernoulliRBM:
        """Train for `n_iter` epochs.

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

    def _resolve(self, op: str) -> Settings:
        return resolve(self, op)

    def _begin(self, X: Any, settings: Settings, seed: int) -> RBMTraining:
        training = begin(X.shape[1], settings.n_components, settings, seed)
        if settings.data_bias:
            training.model.v_bias = log_odds(X)
        return training

    def partial_fit(self, X: Any, y: Any = None) -> BernoulliRBM:
        """Train on a chunk of data once, in mini-batches of `batch_size` in the given order.

        A chunk may have any size: every batch's gradient is divided by its own size. Schedules
        stand at epoch `n_epochs_`, which `partial_fit` does not advance.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Training data.
        y : ignored
            For scikit-learn's interface.

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
        self._partial_fit(X, y)
        return self

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
        ndarray of shape (n_samples, n_features), bool
            New at every call: the draws are those of `model_`. For input on the device, a
            `DeviceArray` of 0 and 1.

        Raises
        ------
        NotFittedError
            Before `fit`.
        TypeError, ValueError
            If an argument has a wrong type, shape or value.
        """
        op = "BernoulliRBM.gibbs"
        check_is_fitted(self)
        steps = as_integer(k, "k", op)
        X = self._checked(X, op)
        if isinstance(X, DeviceArray):
            return self.model_.gibbs(X, steps)
        start = np.concatenate([v for _, v in blocks(X, op)])
        return self.model_.gibbs(start, steps).astype(bool)
