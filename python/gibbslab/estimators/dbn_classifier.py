"""The deep belief network with labels, as a scikit-learn classifier."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
from sklearn.utils.validation import check_is_fitted

from .._validation import as_integer
from ._classifier import Classifier
from ._dbn_settings import DBNSettings
from ._labelled_dbn_training import LabelledDBNTraining, LabelledRows, begin_labelled
from ._labels import Labels, as_labels
from .dbn import DBN

__all__ = ["DBNClassifier"]


class DBNClassifier(Classifier, DBN):
    """Deep belief network over features and label (Hinton, Osindero and Teh 2006).

    A softmax unit for the label lies beside the layer below the top one, and is visible to the
    RBM at the top. Lower layers are trained greedily as those of `DBN`, the top one on their
    features and the labels, by CD or PCD; then, where asked for, all of them by the up-down
    algorithm, in which the label takes part. A sample is classified by the free energy of the top
    RBM, every label tried, given the means that recognition passes up.

    It is a transformer too, and samples: images of a class, where a label is held.

    Parameters
    ----------
    hidden_layer_sizes, learning_rate, batch_size, n_iter, verbose, random_state, method, k, \
n_chains, momentum, l2, centered, fine_tune_iter, fine_tune_learning_rate, fine_tune_k, \
init_visible_bias, sample_input, shuffle, validation_fraction, callbacks, warm_start, device, \
n_threads
        As of `DBN`; `centered` concerns the greedy stages below the top one.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The labels, sorted.
    model_ : gibbslab.models.DeepBeliefNetwork
        The network itself; its labels are places in `classes_`.
    n_epochs_ : int
        Epochs done, in all stages.
    history_ : dict of list
        As of `DBN`, but with log_likelihood (mean log p(y | x)) and accuracy from the stage of the
        top RBM on, and the network's own reconstruction_error there.
    n_features_in_ : int
        Number of features.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the features, where `X` has some.

    References
    ----------
    Hinton, Osindero and Teh (2006), A fast learning algorithm for deep belief nets.

    Examples
    --------
    >>> import numpy as np
    >>> from gibbslab import DBNClassifier
    >>> X = np.repeat([[0, 0, 1, 1], [1, 1, 0, 0]], 10, axis=0)
    >>> y = ["right"] * 10 + ["left"] * 10
    >>> dbn = DBNClassifier((8, 8), n_iter=100, random_state=0).fit(X, y)
    >>> dbn.predict([[1, 1, 0, 0]])
    array(['left'], dtype='<U5')
    >>> dbn.sample(5, y="left").shape
    (5, 4)
    """

    _shown: ClassVar[tuple[str, ...]] = (
        "accuracy", "validation_accuracy", "reconstruction_error",
        "validation_reconstruction_error", "pseudo_likelihood",
    )  # fmt: skip

    def fit(self, X: Any, y: Any = None, *, validation_data: Any = None) -> DBNClassifier:
        """Train layer by layer, the top one with the labels, then by up-down.

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

    def _begin(self, X: Any, settings: DBNSettings, seed: int) -> LabelledDBNTraining:
        return begin_labelled(X.shape[1], len(self.classes_), settings, seed)

    def _dataset(self, X: Any, target: Labels, op: str, device: str) -> LabelledRows:
        return LabelledRows(X, target, op, device)

    def sample(
        self, n_samples: int = 1, n_steps: int = 1000, *, y: Any = None
    ) -> npt.NDArray[np.bool_]:
        """Visible states: sweeps of the top RBM from a random start, then once down.

        Parameters
        ----------
        n_samples : int, default=1
            Chains.
        n_steps : int, default=1000
            Sweeps, at least 1.
        y : a label, or array-like of shape (n_samples,), optional
            Labels to generate from, held through the sweeps; by default they are drawn along.

        Returns
        -------
        ndarray of shape (n_samples, n_features), bool
            New at every call: the draws are those of `model_`.

        Raises
        ------
        NotFittedError
            Before `fit`.
        TypeError, ValueError
            If an argument has a wrong type, shape or value.
        """
        check_is_fitted(self)
        op = self._op("sample")
        count, codes = as_integer(n_samples, "n_samples", op), None
        if y is not None:
            values = np.full(count, y) if np.ndim(y) == 0 else y
            codes = as_labels(values, np.empty(count), op, self.classes_).codes
        return self.model_.sample(count, n_steps, labels=codes)[1].astype(bool)
