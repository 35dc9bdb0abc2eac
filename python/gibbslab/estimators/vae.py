"""The variational autoencoder as a scikit-learn estimator."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from .._validation import as_integer
from ..callbacks import Callback
from ..models import VAE as Network
from ..models import LatentStatistics
from ._data import blocks, by_blocks, output_dtype
from ._neural_estimator import NeuralEstimator
from ._vae_settings import VAESettings, resolve_vae
from ._vae_training import VAETraining, begin_vae, elbo_of_rows
from .schedules import Schedule

__all__ = ["VAE"]

DoubleArray = npt.NDArray[np.float64]


class VAE(NeuralEstimator, BaseEstimator):
    """Variational autoencoder (Kingma and Welling 2014), fully connected or convolutional.

    q(z|x) = N(mu(x), exp(logvar(x))), p(z) = N(0, I), p(x|z) = Bernoulli(g(z)) or N(g(z),
    variance). Maximises E_q[log p(x|z)] - beta KL(q(z|x) || p(z)). Training is bit-identical for
    the same seed.

    Parameters
    ----------
    latent_size : int, default=20
        Number of latent units.
    hidden_layer_sizes : sequence of int or str, default=(200, 200)
        Softplus units of the encoder from the data on, mirrored by the decoder; none for a linear
        model. Or a preset: "dense" is the default, "conv" two 3 x 3 convolutions of square grey
        images with stride 2, to 32 and 64 channels, and back by a fully connected layer and
        transposed convolutions, with rectifiers.
    decoder : {"bernoulli", "gaussian"}, default="bernoulli"
        Kind of p(x|z): of data in [0, 1], or of any real numbers.
    variance : float or {"shared", "per_pixel"}, default=1.0
        Of a Gaussian decoder: known, learned, or learned for each feature.
    beta : float, schedule or callable(epoch) -> float, default=1.0
        Weight of the KL divergence, at least 0 (Higgins et al. 2017). A warm-up of ten epochs
        (Sonderby et al. 2016) is ``gibbslab.estimators.Linear(0, 1, 10)``; it keeps more latent
        units in use: 22 of 50, not 12, after the longest trainings on MNIST.
    n_latent_samples : int, default=1
        Latent samples of each row and batch; the loss is the mean over them.
    optimizer : {"adam", "adamw", "rmsprop", "sgd", "nesterov"}, default="adam"
        See `gibbslab.nn`. The loss is the sum over a batch.
    learning_rate : float, schedule or callable(epoch) -> float, default=0.001
        Above 0. A schedule of `gibbslab.estimators` or a function changes it from epoch to epoch.
    momentum : float, schedule or callable(epoch) -> float, default=0.9
        In [0, 1): that of SGD, beta1 of Adam; RMSprop has none.
    weight_decay : float, default=0.0
        Of all parameters, as the optimiser has it.
    batch_size : int, default=100
        Samples per mini-batch; the last one of an epoch may be shorter.
    n_iter : int, default=10
        Epochs per call of `fit`.
    verbose : int, default=0
        Above 0: a line per epoch on standard output and a progress bar.
    random_state : int, RandomState, Generator or None, default=None
        Seed of weights, order and samples.
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
    model_ : gibbslab.models.VAE
        The model itself: bounds with any number of samples, exact likelihood of small latents,
        statistics.
    n_epochs_ : int
        Epochs done by `fit`.
    history_ : dict of list
        Per epoch: epoch, beta, learning_rate, momentum, time (seconds of training); on a fixed
        sample of a twentieth of the training data, 100 to 1000 rows, elbo, with one fixed latent
        sample each, and kl, both means in nats, whatever beta is; with "validation_" before them
        for validation data.
    n_features_in_ : int
        Number of features.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the features, where `X` has some.

    References
    ----------
    Kingma and Welling (2014), Auto-encoding variational Bayes.
    Burda et al. (2016), Importance weighted autoencoders.
    Sonderby et al. (2016), Ladder variational autoencoders.
    Higgins et al. (2017), beta-VAE.

    Examples
    --------
    >>> import numpy as np
    >>> from gibbslab import VAE
    >>> X = (np.random.default_rng(0).random((50, 6)) < 0.3).astype(float)
    >>> vae = VAE(2, (8,), n_iter=2, random_state=0).fit(X)
    >>> vae.transform(X).shape, vae.sample(3).shape
    ((50, 2), (3, 6))
    """

    _schedules: ClassVar[tuple[str, ...]] = ("learning_rate", "momentum", "beta")
    _shown: ClassVar[tuple[str, ...]] = ("elbo", "validation_elbo")
    _training: VAETraining
    model_: Network

    def __init__(
        self,
        latent_size: int = 20,
        hidden_layer_sizes: Sequence[int] | str = (200, 200),
        *,
        decoder: str = "bernoulli",
        variance: float | str = 1.0,
        beta: Schedule = 1.0,
        n_latent_samples: int = 1,
        optimizer: str = "adam",
        learning_rate: Schedule = 0.001,
        momentum: Schedule = 0.9,
        weight_decay: float = 0.0,
        batch_size: int = 100,
        n_iter: int = 10,
        verbose: int = 0,
        random_state: int | np.random.RandomState | np.random.Generator | None = None,
        shuffle: bool = True,
        validation_fraction: float = 0.0,
        callbacks: Sequence[Callback] | None = None,
        warm_start: bool = False,
        device: str = "auto",
        n_threads: int | None = None,
    ) -> None:
        self.latent_size = latent_size
        self.hidden_layer_sizes = hidden_layer_sizes
        self.decoder = decoder
        self.variance = variance
        self.beta = beta
        self.n_latent_samples = n_latent_samples
        self.optimizer = optimizer
        self.learning_rate = learning_rate
        self.momentum = momentum
        self.weight_decay = weight_decay
        self.batch_size = batch_size
        self.n_iter = n_iter
        self.verbose = verbose
        self.random_state = random_state
        self.shuffle = shuffle
        self.validation_fraction = validation_fraction
        self.callbacks = callbacks
        self.warm_start = warm_start
        self.device = device
        self.n_threads = n_threads

    def fit(self, X: Any, y: Any = None, *, validation_data: Any = None) -> VAE:
        """Train for `n_iter` epochs.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Training data, in [0, 1] for a Bernoulli decoder.
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
            If an argument or parameter has a wrong type, shape or value.
        DivergenceError
            If a weight would become non-finite; the weights before that batch are kept.
        """
        self._fit(X, y, validation_data)
        return self

    def partial_fit(self, X: Any, y: Any = None) -> VAE:
        """Train on a chunk of data once, in mini-batches in the given order; see `fit`.

        Schedules stand at epoch `n_epochs_`, which `partial_fit` does not advance.
        """
        self._partial_fit(X, y)
        return self

    @property
    def _unit_interval_with(self) -> str:
        return "decoder='bernoulli'" if self.decoder == "bernoulli" else ""

    def _resolve(self, op: str) -> VAESettings:
        return resolve_vae(self, op)

    def _check_goes_on(self, settings: VAESettings, op: str) -> None:
        now = self._training.built_with
        for name in ("latent_size", "hidden_layer_sizes", "decoder", "variance"):
            value, before = getattr(settings, name), getattr(now, name)
            if value != before:
                raise ValueError(f"[{op}] {name} must stay {before} with warm_start, got {value}")

    def _begin(self, X: Any, settings: VAESettings, seed: int) -> VAETraining:
        return begin_vae(X.shape[1], settings, seed)

    @property
    def _n_features_out(self) -> int:
        return self.model_.latent_size

    def transform(self, X: Any) -> npt.NDArray[Any]:
        """Means of q(z|x).

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Samples.

        Returns
        -------
        ndarray of shape (n_samples, latent_size)
            float32 for float32 input, else float64.

        Raises
        ------
        NotFittedError
            Before `fit`.
        TypeError, ValueError
            If `X` has a wrong type, shape or value.
        """
        width = getattr(getattr(self, "model_", None), "latent_size", 0)
        return self._rows(X, "transform", width, lambda v: self.model_.encode(v)[0])

    def inverse_transform(self, Z: Any) -> npt.NDArray[Any]:
        """Means of p(x|z); as `transform`.

        Parameters
        ----------
        Z : {array-like, sparse matrix} of shape (n_samples, latent_size)

        Returns
        -------
        ndarray of shape (n_samples, n_features)
        """
        op = self._op("inverse_transform")
        check_is_fitted(self)
        codes = self._codes(Z, op, self.model_.latent_size)
        return by_blocks(codes, op, self.model_.decode, self.n_features_in_, output_dtype(codes))

    def reconstruct(self, X: Any) -> npt.NDArray[Any]:
        """Means of p(x|z) for z the mean of q(z|x); as `transform`.

        Returns
        -------
        ndarray of shape (n_samples, n_features)
        """
        width = getattr(self, "n_features_in_", 0)
        of = lambda v: self.model_.decode(self.model_.encode(v)[0])  # noqa: E731
        return self._rows(X, "reconstruct", width, of)

    def score_samples(self, X: Any) -> DoubleArray:
        """ELBO of every sample, with one latent sample, and the exact KL divergence.

        Unbiased; the latent sample depends on the seed and the sample alone, not on its place in
        `X`. ``model_.elbo`` and ``model_.importance_weighted_bound`` take more of them.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Samples.

        Returns
        -------
        ndarray of shape (n_samples,), float64
            In nats; a lower bound on log p(x), in expectation.

        Raises
        ------
        NotFittedError
            Before `fit`.
        TypeError, ValueError
            If `X` has a wrong type, shape or value.
        """
        return self._rows(X, "score_samples", None, lambda v: elbo_of_rows(self.model_, v))

    def _dense(self, X: Any, method: str) -> npt.NDArray[np.float32]:
        op = self._op(method)
        check_is_fitted(self)
        return np.concatenate([v for _, v in blocks(self._checked(X, op), op)])

    def importance_weighted_bound(self, X: Any, n_samples: int = 50) -> DoubleArray:
        """Bound of Burda et al. (2016) on log p(x) of every sample, in nats.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
        n_samples : int, default=50
            Latent samples, at least 1; new ones at every call. The more, the tighter.

        Returns
        -------
        ndarray of shape (n_samples,), float64
        """
        rows = self._dense(X, "importance_weighted_bound")
        return self.model_.importance_weighted_bound(rows, n_samples)

    def latent_statistics(self, X: Any) -> LatentStatistics:
        """What each latent unit does on data; see `gibbslab.models.VAE.latent_statistics`."""
        return self.model_.latent_statistics(self._dense(X, "latent_statistics"))

    def sample(self, n_samples: int = 1, *, means: bool = False) -> npt.NDArray[Any]:
        """New data, z ~ N(0, I), x ~ p(x|z).

        Parameters
        ----------
        n_samples : int, default=1
        means : bool, default=False
            Whether the means of p(x|z) are asked for, which make smoother images.

        Returns
        -------
        ndarray of shape (n_samples, n_features)
            New at every call: the draws are those of `model_`.
        """
        check_is_fitted(self)
        count = as_integer(n_samples, "n_samples", self._op("sample"))
        return self.model_.sample(count)[0 if means else 1].astype(self._dtype)

    def interpolate(self, start: Any, end: Any, steps: int = 10) -> npt.NDArray[Any]:
        """Means of p(x|z) on the straight lines between the latent means of two sets of samples.

        Parameters
        ----------
        start, end : array-like of shape (n, n_features)
        steps : int, default=10
            Points on each line, at least 2; the first and the last are its ends.

        Returns
        -------
        ndarray of shape (n, steps, n_features)
        """
        first, last = (self._dense(x, "interpolate") for x in (start, end))
        return self.model_.interpolate(first, last, steps).astype(self._dtype)
