"""The deep belief network as a scikit-learn estimator."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
from scipy.special import logsumexp
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from ..callbacks import Callback
from ..metrics import ais
from ..models import RBM, DeepBeliefNetwork
from ._dbn_settings import DBNSettings, resolve_dbn
from ._dbn_training import DBNTraining, begin_dbn
from ._deep_features import AIS_TEMPERATURES, MAX_EXACT_UNITS, DeepFeatures
from ._greedy import Rows
from ._scores import hashed_uniforms
from .schedules import Schedule

__all__ = ["DBN"]

BOUND_DRAWS = 10

DoubleArray = npt.NDArray[np.float64]


class DBN(DeepFeatures, BaseEstimator):
    """Deep belief network of Bernoulli layers: greedy training, then up-down.

    Layer by layer, an RBM is trained on the states of the layer below, drawn from their means; its
    weights serve upwards and downwards (Hinton, Osindero and Teh 2006). Then, where asked for, the
    up-down algorithm trains recognition and generative weights apart. Weights start as
    Normal(0, 0.01^2). Training is bit-identical for the same seed, whatever the threads.

    Parameters
    ----------
    hidden_layer_sizes : sequence of int, default=(256, 256)
        Hidden units of every layer, from the bottom up, at least one layer.
    learning_rate : float, schedule or callable(epoch) -> float, default=0.1
        Step size of the greedy stages, above 0; schedules begin anew with every layer.
    batch_size : int, default=10
        Samples per mini-batch.
    n_iter : int, default=10
        Epochs for every layer.
    verbose : int, default=0
        Above 0: a line per epoch on standard output and a progress bar.
    random_state : int, RandomState, Generator or None, default=None
        Seed of weights, order and samples.
    method : {"cd", "pcd"}, default="cd"
        How layers are trained: contrastive divergence, or with persistent chains.
    k : int, default=1
        Gibbs sweeps per batch of the greedy stages.
    n_chains : int or None, default=None
        Persistent chains; `batch_size` of them if None.
    momentum : float, schedule or callable(epoch) -> float, default=0.0
        In [0, 1), not multiplied by the learning rate.
    l2 : float, default=0.0
        Decay of the weights: ``l2 * W`` is taken from their gradient.
    centered : bool, default=False
        Centred gradient in the greedy stages (Montavon and Mueller 2012).
    fine_tune_iter : int, default=0
        Epochs of the up-down algorithm, after the greedy ones.
    fine_tune_learning_rate : float, schedule or callable(epoch) -> float, default=0.01
        Their step size.
    fine_tune_k : int, default=1
        Gibbs sweeps of the top RBM in an up-down step.
    init_visible_bias : {"zeros", "data"}, default="zeros"
        Lower biases of every layer to start from: 0, or the log-odds of what it is trained on.
    sample_input : bool, default=False
        Whether grey values, which must then lie in [0, 1], are probabilities from which 0/1
        states are drawn anew for every batch, or enter as they are.
    shuffle : bool, default=True
        Whether every epoch takes the samples in a new random order.
    validation_fraction : float, default=0.0
        Part of the samples, in [0, 1), that `fit` sets aside to measure on.
    callbacks : sequence of Callback or None, default=None
        See `gibbslab.callbacks`. Epochs count through all stages.
    warm_start : bool, default=False
        Whether `fit` goes on from where training stands, also after pickling or `save` and
        `gibbslab.load`, up to ``n_iter * len(hidden_layer_sizes) + fine_tune_iter`` epochs all
        told, exactly as if it had never stopped. This asks for the same data in the same order;
        a larger `fine_tune_iter` adds epochs of up-down.
    device : {"auto", "cpu", "cuda"}, default="auto"
        Where to compute; "auto" takes CUDA where it works.
    n_threads : int or None, default=None
        Threads to use at most; None for all that are allowed.

    Attributes
    ----------
    model_ : gibbslab.models.DeepBeliefNetwork
        The network itself, for all that can be done with one.
    n_epochs_ : int
        Epochs done, in all stages.
    history_ : dict of list
        Per epoch: epoch, stage (the layer trained, counted from 0; the number of layers for
        up-down), learning_rate, momentum, time, reconstruction_error; in greedy stages also
        pseudo_likelihood, both of the stage's RBM; with validation data the same of these.
    n_features_in_ : int
        Number of features.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the features, where `X` has some.

    References
    ----------
    Hinton, Osindero and Teh (2006), A fast learning algorithm for deep belief nets.
    Salakhutdinov and Murray (2008), On the quantitative analysis of deep belief networks.

    Examples
    --------
    >>> import numpy as np
    >>> from gibbslab import DBN
    >>> X = np.array([[0, 0, 0], [0, 1, 1], [1, 0, 1], [1, 1, 1]])
    >>> DBN((3, 2), random_state=0).fit(X).transform(X).shape
    (4, 2)
    """

    _schedules = ("learning_rate", "momentum", "fine_tune_learning_rate")
    _shown: ClassVar[tuple[str, ...]] = (
        "reconstruction_error", "validation_reconstruction_error", "pseudo_likelihood",
    )  # fmt: skip

    def __init__(
        self,
        hidden_layer_sizes: Sequence[int] = (256, 256),
        *,
        learning_rate: Schedule = 0.1,
        batch_size: int = 10,
        n_iter: int = 10,
        verbose: int = 0,
        random_state: int | np.random.RandomState | np.random.Generator | None = None,
        method: str = "cd",
        k: int = 1,
        n_chains: int | None = None,
        momentum: Schedule = 0.0,
        l2: float = 0.0,
        centered: bool = False,
        fine_tune_iter: int = 0,
        fine_tune_learning_rate: Schedule = 0.01,
        fine_tune_k: int = 1,
        init_visible_bias: str = "zeros",
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
        self.method = method
        self.k = k
        self.n_chains = n_chains
        self.momentum = momentum
        self.l2 = l2
        self.centered = centered
        self.fine_tune_iter = fine_tune_iter
        self.fine_tune_learning_rate = fine_tune_learning_rate
        self.fine_tune_k = fine_tune_k
        self.init_visible_bias = init_visible_bias
        self.sample_input = sample_input
        self.shuffle = shuffle
        self.validation_fraction = validation_fraction
        self.callbacks = callbacks
        self.warm_start = warm_start
        self.device = device
        self.n_threads = n_threads

    model_: DeepBeliefNetwork

    def fit(self, X: Any, y: Any = None, *, validation_data: Any = None) -> DBN:
        """Train layer by layer, then by up-down.

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

    def _resolve(self, op: str) -> DBNSettings:
        return resolve_dbn(self, op)

    def _check_goes_on(self, settings: DBNSettings, op: str) -> None:
        hidden = tuple(self.model_.layer_sizes[1:])
        for name, value, now in (
            ("hidden_layer_sizes", settings.hidden_layer_sizes, hidden),
            ("n_iter", settings.n_iter, self._training._options["n_iter"]),
        ):
            if value != now:
                raise ValueError(f"[{op}] {name} must stay {now} with warm_start, got {value}")

    def _begin(self, X: Any, settings: DBNSettings, seed: int) -> DBNTraining:
        return begin_dbn(X.shape[1], settings, seed)

    def _dataset(self, X: Any, target: Any, op: str, device: str) -> Rows:
        return Rows(X, op, device)

    def _last_epoch(self, training: Any, settings: DBNSettings) -> int:
        return settings.last_epoch

    def transform(self, X: Any) -> npt.NDArray[Any]:
        """Means of the top layer, with means passed from layer to layer.

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
        return self._rows(X, "transform", getattr(self, "_n_features_out", 0), self._top_means)

    def _top_means(self, v: Any) -> Any:
        return self.model_.hidden_mean(v)

    def reconstruct(self, X: Any) -> npt.NDArray[Any]:
        """Visible probabilities, with means passed all the way up and down; as `transform`.

        Returns
        -------
        ndarray of shape (n_samples, n_features)
        """
        width = getattr(self, "n_features_in_", 0)
        return self._rows(X, "reconstruct", width, lambda v: self.model_.mean_reconstruction(v))

    def score_samples(self, X: Any) -> DoubleArray:
        """Estimate of the variational lower bound on the log-likelihood of every sample.

        The mean of 10 draws from the recognition model, by a hash of the sample, so that a
        sample's value does not depend on its place in `X`. log Z of the top RBM is exact where one
        of its layers has at most 16 units; else an AIS estimate of 100 chains and 10,000
        temperatures, made once for the present weights: for its error, see
        ``gibbslab.metrics.ais(model_.top_rbm())``.

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
        return self._rows(X, "score_samples", None, self._bound) - self._log_z()

    def _bound(self, v: Any) -> DoubleArray:
        """The bound plus log Z."""
        rows, core = np.asarray(v), self.model_._dbn
        total = np.zeros(len(rows))
        for draw in range(BOUND_DRAWS):
            layers = [rows]
            for level in range(len(self.model_.layer_sizes) - 2):
                mean = np.asarray(core.up(level, layers[-1], False)[0])
                u = hashed_uniforms(rows, mean.shape[1], self.model_.seed + 1000 * draw + level)
                layers.append((u < mean).astype(np.float32))
            total += core.log_weights(layers)
        return total / BOUND_DRAWS

    def _log_z(self) -> float:
        """log Z of the top RBM with its present weights, worked out once."""
        p = self.model_.parameters
        top = [value for name, value in p.items() if name.startswith("top_")]
        return self._estimated_once(top, self._new_log_z)

    def _new_log_z(self) -> float:
        model = self.model_
        if model.n_classes == 0:
            return self._log_z_of(model.top_rbm())
        by_label = [self._log_z_of(model.top_rbm(label)) for label in range(model.n_classes)]
        return float(logsumexp(by_label + model.parameters["top_y_bias"].astype(np.float64)))

    def _log_z_of(self, top: RBM) -> float:
        if min(top.v_size, top.h_size) <= MAX_EXACT_UNITS:
            return top.log_partition()
        found = ais(top, n_temperatures=AIS_TEMPERATURES, random_state=self.model_.seed)
        return found.log_z

    def sample(self, n_samples: int = 1, n_steps: int = 1000) -> npt.NDArray[np.bool_]:
        """Visible states: sweeps of the top RBM from a random start, then once down.

        Parameters
        ----------
        n_samples : int, default=1
            Chains.
        n_steps : int, default=1000
            Sweeps, at least 1.

        Returns
        -------
        ndarray of shape (n_samples, n_features), bool
            New at every call: the draws are those of `model_`.

        Raises
        ------
        NotFittedError
            Before `fit`.
        TypeError, ValueError
            If an argument has a wrong type or value.
        """
        check_is_fitted(self)
        return self.model_.sample(n_samples, n_steps)[1].astype(bool)

    def inpaint(self, X: Any, known_mask: npt.ArrayLike, n_steps: int = 100) -> npt.NDArray[Any]:
        """Draw unknown units; see `gibbslab.models.DeepBeliefNetwork.inpaint`.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows with known values where `known_mask` is true.
        known_mask : array_like of bool, shape (n_features,) or (n_samples, n_features)
            True where a unit is known.
        n_steps : int, default=100
            Rounds, at least 1.

        Returns
        -------
        ndarray of shape (n_samples, n_features)
            0/1 states of the unknown units; known units as given.

        Raises
        ------
        NotFittedError
            Before `fit`.
        TypeError, ValueError
            If an argument has a wrong type, shape or value.
        """
        return self._inpainted(X, known_mask, n_steps)
