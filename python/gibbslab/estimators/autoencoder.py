"""The autoencoder as a scikit-learn estimator."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from ..callbacks import Callback
from ..models import Autoencoder as Network
from ._architecture import Layers
from ._autoencoder_objective import row_losses
from ._autoencoder_settings import AutoencoderSettings, resolve_autoencoder
from ._autoencoder_training import AutoencoderTraining, begin_autoencoder
from ._data import by_blocks, output_dtype
from ._neural_estimator import NeuralEstimator
from .schedules import Schedule

__all__ = ["Autoencoder"]


class Autoencoder(NeuralEstimator, BaseEstimator):
    """Autoencoder: undercomplete, overcomplete, denoising, contractive, sparse or stacked.

    Minimises ``L(x, g(f(x'))) + penalties``, x' being x or x with noise, f the encoder and g the
    decoder. Variants combine freely. Training is bit-identical for the same seed.

    Parameters
    ----------
    architecture : sequence of int, str, or pair of lists of nn.Module, default=(64,)
        Hidden sizes of the encoder from the data on, the last that of the code, mirrored by the
        decoder; a preset: "dense", "dense_deep" and "ecg" are 784-64-784, 784-128-64-784 and
        140-32-16-8-16-32-140 (for any number of features), "conv" two convolutions of square grey
        images, to 16 and 8 channels, and back by transposed ones, "conv_upsample" back by
        enlarging and convolutions, each with rectifiers and a sigmoid at the end; or the layers
        of encoder and decoder, as `gibbslab.nn` has them, in or after an `nn.Reshape` for images.
        Copies of layers are trained, from the weights that they have.
    activation : {"relu", "leaky_relu", "elu", "sigmoid", "tanh", "softplus", "identity"}, \
default="relu"
        Of the hidden layers and the code, where `architecture` gives sizes. Weights start as He
        et al. (2015) have it before the first three, as Glorot and Bengio (2010) before others.
    output_activation : the same, or None, default=None
        Of the reconstruction, where `architecture` gives sizes; None for a sigmoid with
        ``loss="bce"``, else the identity.
    loss : {"mse", "bce"}, default="mse"
        L: squared error, or cross-entropy of Bernoulli units, which asks for data in [0, 1] and a
        decoder that ends in a sigmoid. The mean over the features, and over the batch.
    noise : {"gaussian", "masking", "salt_and_pepper"} or None, default=None
        Of the denoising autoencoder (Vincent et al. 2008, 2010): deviates added, features set to
        0, features set to 0 or 1; drawn anew for every batch.
    noise_level : float, default=0.2
        The deviates' standard deviation; or the share of the features, in [0, 1].
    contractive : float, default=0.0
        Weight of the squared Frobenius norm of the Jacobian df/dx', the mean over the batch
        (Rifai et al. 2011); exact for any depth. Every unit of a deep encoder's code costs a pass
        of differentiation.
    sparsity_target : float or None, default=None
        Wanted mean activity in (0, 1) of each unit of the code, which must end in a sigmoid.
    sparsity_cost : float, default=0.1
        Weight of the sum over these units of KL(sparsity_target || mean activity in the batch)
        (Ng 2011).
    activity_l1 : float, default=0.0
        Weight of the sum of the code's absolute values, the mean over the batch.
    pretrain_iter : int, default=0
        Epochs of greedy pre-training for each layer, from the lowest, before those of all layers
        (Bengio et al. 2007): the layer and its mirror learn to reconstruct the codes below, with
        the same noise and penalties; the lowest by `loss`, the others by squared error.
    optimizer : {"adam", "adamw", "rmsprop", "sgd", "nesterov"}, default="adam"
        See `gibbslab.nn`.
    learning_rate : float, schedule or callable(epoch) -> float, default=0.001
        Above 0. A schedule of `gibbslab.estimators` or a function changes it from epoch to epoch
        of a stage.
    momentum : float, schedule or callable(epoch) -> float, default=0.9
        In [0, 1): that of SGD, beta1 of Adam; RMSprop has none.
    weight_decay : float, default=0.0
        Of all parameters, as the optimiser has it.
    batch_size : int, default=100
        Samples per mini-batch; the last one of an epoch may be shorter.
    n_iter : int, default=10
        Epochs of all layers per call of `fit`.
    verbose : int, default=0
        Above 0: a line per epoch on standard output and a progress bar.
    random_state : int, RandomState, Generator or None, default=None
        Seed of weights, order and noise.
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
    model_ : gibbslab.models.Autoencoder
        The networks themselves.
    n_epochs_ : int
        Epochs done by `fit`, those of the pre-training included.
    history_ : dict of list
        Per epoch: epoch, learning_rate, momentum, time (seconds of training); on a fixed sample
        of a twentieth of the training data, 100 to 1000 rows, loss (of the reconstruction, with
        one fixed draw of the noise), reconstruction_error (mean square, without noise) and, where
        there are some, penalty, all of them together; the first two with "validation_" before
        them for validation data. With pre-training also stage: the layer in training, from 0, or
        the number of layers for all of them; the measures are those of the layers in training.
    n_features_in_ : int
        Number of features.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the features, where `X` has some.

    References
    ----------
    Hinton and Salakhutdinov (2006), Reducing the dimensionality of data with neural networks.
    Bengio et al. (2007), Greedy layer-wise training of deep networks.
    Vincent et al. (2008), Extracting and composing robust features with denoising autoencoders.
    Vincent et al. (2010), Stacked denoising autoencoders.
    Rifai et al. (2011), Contractive auto-encoders: explicit invariance during feature extraction.
    Ng (2011), Sparse autoencoder, CS294A lecture notes.

    Examples
    --------
    >>> import numpy as np
    >>> from gibbslab import Autoencoder
    >>> X = np.random.default_rng(0).random((50, 6))
    >>> Autoencoder((4, 2), n_iter=2, random_state=0).fit(X).transform(X).shape
    (50, 2)
    """

    _layer_lists: ClassVar[tuple[str, ...]] = ("architecture",)
    _training: AutoencoderTraining
    model_: Network

    def __init__(
        self,
        architecture: Any = (64,),
        *,
        activation: str = "relu",
        output_activation: str | None = None,
        loss: str = "mse",
        noise: str | None = None,
        noise_level: float = 0.2,
        contractive: float = 0.0,
        sparsity_target: float | None = None,
        sparsity_cost: float = 0.1,
        activity_l1: float = 0.0,
        pretrain_iter: int = 0,
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
        self.architecture = architecture
        self.activation = activation
        self.output_activation = output_activation
        self.loss = loss
        self.noise = noise
        self.noise_level = noise_level
        self.contractive = contractive
        self.sparsity_target = sparsity_target
        self.sparsity_cost = sparsity_cost
        self.activity_l1 = activity_l1
        self.pretrain_iter = pretrain_iter
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

    def fit(self, X: Any, y: Any = None, *, validation_data: Any = None) -> Autoencoder:
        """Pre-train where asked to, and train for `n_iter` epochs.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Training data.
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

    def partial_fit(self, X: Any, y: Any = None) -> Autoencoder:
        """Train on a chunk of data once, in mini-batches in the given order; see `fit`.

        Stage and schedules stand at epoch `n_epochs_`, which `partial_fit` does not advance: with
        pre-training to do it trains the layer whose turn it is.
        """
        self._partial_fit(X, y)
        return self

    @property
    def _unit_interval_with(self) -> str:
        return "loss='bce'" if self.loss == "bce" else ""

    def _resolve(self, op: str) -> AutoencoderSettings:
        return resolve_autoencoder(self, op)

    def _check_goes_on(self, settings: AutoencoderSettings, op: str) -> None:
        now, new = self._training.architecture, settings.architecture
        if not isinstance(now, Layers) and new != now:
            raise ValueError(f"[{op}] architecture must stay {now} with warm_start, got {new}")
        epochs = self._training.stage_epochs
        if settings.options["pretrain_iter"] != epochs:
            raise ValueError(
                f"[{op}] pretrain_iter must stay {epochs} with warm_start, "
                f"got {settings.options['pretrain_iter']}"
            )

    def _begin(self, X: Any, settings: AutoencoderSettings, seed: int) -> AutoencoderTraining:
        return begin_autoencoder(X.shape[1], settings, seed)

    def _last_epoch(self, training: Any, settings: AutoencoderSettings) -> int:
        return max(training.epoch, training.greedy_epochs) + settings.n_iter

    @property
    def _n_features_out(self) -> int:
        return self.model_.code_size

    def transform(self, X: Any) -> npt.NDArray[Any]:
        """Codes f(X).

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Samples.

        Returns
        -------
        ndarray of shape (n_samples, code size)
            float32 for float32 input, else float64.

        Raises
        ------
        NotFittedError
            Before `fit`.
        TypeError, ValueError
            If `X` has a wrong type, shape or value.
        """
        width = getattr(getattr(self, "model_", None), "code_size", 0)
        return self._rows(X, "transform", width, lambda v: self.model_.encode(v))

    def inverse_transform(self, Z: Any) -> npt.NDArray[Any]:
        """What the decoder makes of codes; as `transform`.

        Parameters
        ----------
        Z : {array-like, sparse matrix} of shape (n_samples, code size)

        Returns
        -------
        ndarray of shape (n_samples, n_features)
        """
        op = self._op("inverse_transform")
        check_is_fitted(self)
        codes = self._codes(Z, op, self.model_.code_size)
        return by_blocks(codes, op, self.model_.decode, self.n_features_in_, output_dtype(codes))

    def reconstruct(self, X: Any) -> npt.NDArray[Any]:
        """g(f(X)), without noise; as `transform`.

        Returns
        -------
        ndarray of shape (n_samples, n_features)
        """
        width = getattr(self, "n_features_in_", 0)
        return self._rows(X, "reconstruct", width, lambda v: self.model_(v))

    def score_samples(self, X: Any) -> npt.NDArray[np.float64]:
        """Minus the loss of the reconstruction of every sample, without noise and penalties.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Samples.

        Returns
        -------
        ndarray of shape (n_samples,), float64
            The mean over the features; the higher, the more as the training data.

        Raises
        ------
        NotFittedError
            Before `fit`.
        TypeError, ValueError
            If `X` has a wrong type, shape or value.
        """
        of = lambda v: -row_losses(self.model_, v, v, self.loss)  # noqa: E731
        return self._rows(X, "score_samples", None, of)
