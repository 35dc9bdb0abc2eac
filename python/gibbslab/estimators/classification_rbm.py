"""The classification RBM as a scikit-learn classifier."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator

from .. import _core
from ..callbacks import Callback
from ._classification_settings import ClassificationSettings, resolve
from ._classification_training import ClassificationTraining, begin
from ._classifier import Classifier
from ._data import as_dataset
from ._fitting import TrainedEstimator
from ._labels import Labels, as_labels
from .schedules import Schedule

__all__ = ["ClassificationRBM"]


class ClassificationRBM(Classifier, TrainedEstimator, BaseEstimator):
    """RBM over features and label, trained to classify (Larochelle and Bengio 2008).

    p(y | x) and its gradient are exact, by summing over the hidden units; the gradient of the
    joint log-likelihood is that of contrastive divergence. Training is bit-identical for the same
    seed, whatever the number of threads.

    Parameters
    ----------
    n_hidden : int, default=100
        Number of hidden units.
    objective : {"hybrid", "discriminative", "joint"}, default="hybrid"
        What training raises: log p(y | x) + `alpha` log p(y, x), log p(y | x) alone, or
        log p(y, x) alone.
    alpha : float, default=0.01
        Weight of the joint likelihood in the hybrid objective, at least 0.
    learning_rate : float, schedule or callable(epoch) -> float, default=0.05
        Step size, above 0. A schedule of `gibbslab.estimators` or a function changes it from
        epoch to epoch.
    batch_size : int, default=10
        Samples per mini-batch; the last one of an epoch may be shorter.
    n_iter : int, default=20
        Epochs per call of `fit`.
    verbose : int, default=0
        Above 0: a line per epoch on standard output and a progress bar.
    random_state : int, RandomState, Generator or None, default=None
        Seed of weights, order and samples.
    method : {"cd", "pcd"}, default="cd"
        For the joint likelihood: chains from the data, or persistent ones.
    k : int, default=1
        Their Gibbs sweeps per batch.
    n_chains : int or None, default=None
        Persistent chains; `batch_size` of them if None.
    momentum : float, schedule or callable(epoch) -> float, default=0.0
        In [0, 1), not multiplied by the learning rate.
    l1, l2 : float, default=0.0
        Decay of the weights of features and labels.
    sample_input : bool, default=False
        Whether grey values, which must then lie in [0, 1], are probabilities from which 0/1
        states are drawn anew for every batch, or enter as they are.
    shuffle : bool, default=True
        Whether every epoch takes the samples in a new random order.
    validation_fraction : float, default=0.0
        Part of the samples, in [0, 1), that `fit` sets aside to measure on.
    callbacks : sequence of Callback or None, default=None
        See `gibbslab.callbacks`.
    warm_start : bool, default=False
        Whether `fit` goes on for `n_iter` more epochs from where training stands, exactly as if
        it had never stopped, also after pickling or `save` and `gibbslab.load`.
    device : {"auto", "cpu", "cuda"}, default="auto"
        Where to compute; "auto" takes CUDA where it works.
    n_threads : int or None, default=None
        Threads to use at most; None for all that are allowed.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The labels, sorted.
    model_ : gibbslab.models.ClassificationRBM
        The model itself; its labels are places in `classes_`.
    n_epochs_ : int
        Epochs done by `fit` since the weights were drawn.
    history_ : dict of list
        Per epoch: epoch, learning_rate, momentum, time, log_likelihood (mean log p(y | x)) and
        accuracy on a fixed sample of the training data, 100 to 1000 rows; with validation data
        validation_log_likelihood and validation_accuracy.
    n_features_in_ : int
        Number of features.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the features, where `X` has some.

    References
    ----------
    Larochelle and Bengio (2008), Classification using discriminative restricted Boltzmann machines.

    Examples
    --------
    >>> import numpy as np
    >>> from gibbslab import ClassificationRBM
    >>> X = np.array([[0, 0, 1], [0, 1, 1], [1, 0, 0], [1, 1, 0]])
    >>> y = ["left", "left", "right", "right"]
    >>> ClassificationRBM(5, n_iter=200, random_state=0).fit(X, y).predict([[1, 0, 0]])
    array(['right'], dtype='<U5')
    """

    _shown = ("log_likelihood", "accuracy", "validation_accuracy")

    def __init__(
        self,
        n_hidden: int = 100,
        *,
        objective: str = "hybrid",
        alpha: float = 0.01,
        learning_rate: Schedule = 0.05,
        batch_size: int = 10,
        n_iter: int = 20,
        verbose: int = 0,
        random_state: int | np.random.RandomState | np.random.Generator | None = None,
        method: str = "cd",
        k: int = 1,
        n_chains: int | None = None,
        momentum: Schedule = 0.0,
        l1: float = 0.0,
        l2: float = 0.0,
        sample_input: bool = False,
        shuffle: bool = True,
        validation_fraction: float = 0.0,
        callbacks: Sequence[Callback] | None = None,
        warm_start: bool = False,
        device: str = "auto",
        n_threads: int | None = None,
    ) -> None:
        self.n_hidden = n_hidden
        self.objective = objective
        self.alpha = alpha
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
        self.sample_input = sample_input
        self.shuffle = shuffle
        self.validation_fraction = validation_fraction
        self.callbacks = callbacks
        self.warm_start = warm_start
        self.device = device
        self.n_threads = n_threads

    def fit(self, X: Any, y: Any = None, *, validation_data: Any = None) -> ClassificationRBM:
        """Train for `n_iter` epochs.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Training data, 0/1 or grey values in [0, 1].
        y : array-like of shape (n_samples,)
            Labels of any kind.
        validation_data : tuple of X and y, optional
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

    def partial_fit(self, X: Any, y: Any = None, classes: Any = None) -> ClassificationRBM:
        """Train on a chunk of data once, in mini-batches of `batch_size` in the given order.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Training data.
        y : array-like of shape (n_samples,)
            Labels.
        classes : array-like of shape (n_classes,), optional
            All labels that there will be; by default those of the first chunk. Later calls ignore
            it.

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
        first = not hasattr(self, "_training")
        self._partial_fit(X, _Chunk(y, classes) if first else y)
        return self

    def _resolve(self, op: str) -> ClassificationSettings:
        return resolve(self, op)

    def _check_goes_on(self, settings: ClassificationSettings, op: str) -> None:
        if settings.n_hidden != self.model_.h_size:
            raise ValueError(
                f"[{op}] n_hidden must stay {self.model_.h_size} with warm_start, got "
                f"{settings.n_hidden}"
            )

    def _target(self, y: Any, X: Any, op: str, goes_on: bool) -> Labels:
        if isinstance(y, _Chunk):
            return as_labels(y.y, X, op, y.classes)
        return super()._target(y, X, op, goes_on)

    def _begin(self, X: Any, settings: ClassificationSettings, seed: int) -> ClassificationTraining:
        return begin(X.shape[1], len(self.classes_), settings, seed)

    def _dataset(self, X: Any, target: Labels, op: str, device: str) -> _core.LabelledDataset:
        return _core.LabelledDataset(as_dataset(X, op, device), target.codes.tolist())


class _Chunk:
    """The labels of a first chunk, with all that there will be."""

    def __init__(self, y: Any, classes: Any) -> None:
        self.y, self.classes = y, classes
