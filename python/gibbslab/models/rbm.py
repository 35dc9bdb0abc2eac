"""The Bernoulli RBM, step by step: the interface of course templates."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
import numpy.typing as npt

from .. import _core
from .._validation import as_integer, as_real, as_trailing_batch
from ..errors import DivergenceError
from ..units import Bernoulli, Unit, as_unit
from ._rbm_measures import RBMMeasures
from ._rbm_sampling import RBMSampling
from ._tempering import ParallelTempering

__all__ = ["RBM"]

FloatArray = npt.NDArray[np.float32]
CDPass = tuple[FloatArray, FloatArray, FloatArray, FloatArray, FloatArray, FloatArray]
Reconstruction = tuple[FloatArray, FloatArray, FloatArray, FloatArray]


class RBM(RBMSampling, RBMMeasures):
    """Restricted Boltzmann machine (Smolensky 1986; Hinton 2002).

    E(v, h) = -v W h - a v - b h, p(v, h) = exp(-E(v, h)) / Z, v in {0, 1}^V, h in {0, 1}^H.

    Other unit types, or a temperature T0 other than 1, give a `UnitRBM`, a subclass with the same
    methods: p(v, h) = exp(-E(v, h) / T0) / Z. Where units are Gaussian, sum_i (v_i - a_i)^2 /
    (2 s_i) takes the place of -a v, and v_i / s_i that of v_i in v W h, s the variances.

    Weights start as Normal(0, 0.1^2), biases as 0. A batch is any array that reshapes to
    (-1, V): flat rows, or images. Arrays are float32, energies and likelihoods float64.

    A model on ``device="cuda"`` also takes float32 arrays that lie on the device, of CuPy, PyTorch
    or any library that speaks ``__dlpack__`` or ``__cuda_array_interface__``, where they lie. What
    it then returns for the batch lies there too, as a `gibbslab.DeviceArray`; energies,
    likelihoods and errors are NumPy's always.

    Parameters
    ----------
    visible_size : int
        V, at least 1.
    hidden_size : int
        H, at least 1.
    cd_k : int, default=1
        Gibbs sweeps of a contrastive-divergence pass, at least 1.
    visible, hidden : str or gibbslab.units.Unit, default="bernoulli"
        Unit types: "bernoulli", "spin", "gaussian", "relu", or an object of `gibbslab.units`. One
        of the two must be bounded: pairs without a normalisable distribution are refused.
    temperature : float, default=1.0
        T0, above 0.
    random_state : int, RandomState, Generator or None, default=None
        The same integer gives the same weights and samples, whatever the number of threads.
    device : {"auto", "cpu", "cuda"}, default="auto"
        Where to compute; "auto" takes CUDA where it works.
    n_threads : int or None, default=None
        Threads to use at most, 1 ... 1024; None for all that are allowed.

    Attributes
    ----------
    v_size, h_size : int
        V and H.
    cd_k : int
        As given; assignable.
    W : ndarray of shape (V, H), float32
        Weights; reading gives a read-only copy, assigning replaces them.
    v_bias : ndarray of shape (V,), float32
        Visible biases a, as `W`.
    h_bias : ndarray of shape (H,), float32
        Hidden biases b, as `W`.
    seed, draws : int
        The whole random state: key of the stream and position in it.

    Raises
    ------
    TypeError, ValueError
        If an argument has a wrong type or value.
    RuntimeError
        If ``device="cuda"`` cannot be had; or, from any method, if two threads use one model at
        a time.

    Examples
    --------
    >>> import numpy as np
    >>> from gibbslab.models import RBM
    >>> batch = np.eye(4, dtype=np.float32)
    >>> model = RBM(visible_size=4, hidden_size=3, random_state=0)
    >>> model.update_weights_for_batch(batch, learning_rate=0.1)
    >>> h0_prob, h0, h1_prob, h1, v1_prob, v1 = model(batch)
    >>> v1_prob.shape
    (4, 4)
    """

    _trainer: Any = None  # _core.Trainer, or what serves the core model of a subclass

    def __new__(cls, *args: Any, **options: Any) -> RBM:
        """An `RBM`, or a `UnitRBM` where the units or the temperature ask for one."""
        if cls is not RBM:
            return object.__new__(cls)
        layers = [options.get(name, "bernoulli") for name in ("visible", "hidden")]
        plain: list[str | Unit] = ["bernoulli", "binary"]
        bernoulli = all(
            as_unit(x, "visible", "RBM") == Bernoulli() for x in layers if x not in plain
        )
        temperature = as_real(options.get("temperature", 1.0), "temperature", "RBM")
        if bernoulli and temperature == 1.0:
            return object.__new__(cls)
        from .unit_rbm import UnitRBM

        return object.__new__(UnitRBM)

    def __call__(self, batch: npt.ArrayLike) -> CDPass:
        """The same as `forward`."""
        return self.forward(batch)

    def forward(self, batch: npt.ArrayLike) -> CDPass:
        """One contrastive-divergence pass: h0 from the batch, then `cd_k` sweeps h -> v -> h.

        Parameters
        ----------
        batch : array_like that reshapes to (-1, V)
            Visible states; grey values enter as they are.

        Returns
        -------
        h0_prob, h0, h1_prob, h1, v1_prob, v1 : ndarray, float32
            Probabilities and 0/1 states: hidden (n, H) before and after the sweeps, visible
            (n, V) after them.

        Raises
        ------
        TypeError, ValueError
            If `batch` has a wrong type or shape, is empty or not finite.
        """
        v = as_trailing_batch(batch, "batch", "RBM.forward", self.v_size, device=self.device)
        return self._rbm.cd_pass(v, self.cd_k)

    def reconstruct(self, h: npt.ArrayLike, gibbs_steps: int | None = None) -> Reconstruction:
        """Gibbs sweeps h -> v -> h from given hidden states.

        Parameters
        ----------
        h : array_like that reshapes to (-1, H)
            Hidden states; any real values, such as 20 times a one-hot row.
        gibbs_steps : int, optional
            Sweeps, at least 1; `cd_k` by default.

        Returns
        -------
        h1_prob, h1, v1_prob, v1 : ndarray, float32
            Probabilities and 0/1 states after the sweeps: hidden (n, H), visible (n, V).

        Raises
        ------
        TypeError, ValueError
            If an argument has a wrong type, shape or value.
        """
        op = "RBM.reconstruct"
        start = as_trailing_batch(h, "h", op, self.h_size, device=self.device)
        steps = self.cd_k if gibbs_steps is None else as_integer(gibbs_steps, "gibbs_steps", op)
        return self._rbm.gibbs(start, True, steps)

    def update_weights_for_batch(
        self, batch: npt.ArrayLike, learning_rate: float = 0.01, *, exact: bool = False
    ) -> None:
        """One step of contrastive divergence, CD-`cd_k` (Hinton 2002).

        W += learning_rate <v0 h0_prob - v1 h1_prob>, the mean over the batch, and likewise the
        biases. The batch is used as given: grey values are used as they are, so a caller who
        wants binary input draws it first.

        Parameters
        ----------
        batch : array_like that reshapes to (-1, V)
            Visible states.
        learning_rate : float, default=0.01
            Step size, at least 0.
        exact : bool, default=False
            Take the gradient of the mean log-likelihood itself, the model's averages by
            enumeration in place of sampling: one layer must have at most 2^22 states.

        Raises
        ------
        TypeError, ValueError
            If an argument has a wrong type, shape or value.
        DivergenceError
            If the step would make a parameter non-finite; the model is then unchanged.
        """
        op = "RBM.update_weights_for_batch"
        v = as_trailing_batch(batch, "batch", op, self.v_size, device=self.device)
        rate = as_real(learning_rate, "learning_rate", op)
        order = np.arange(len(v), dtype=np.int64)
        data = _core.Dataset(v, self.device)
        if exact:
            diverged = self._exact_step(data, order, rate)
        else:
            diverged = self._steps().train(data, order, len(v), 0, 1, rate)[1]
        if diverged:
            raise DivergenceError(
                f"[{op}] {diverged} would become non-finite at learning_rate {rate:g}; the model "
                "is unchanged",
                tensor=diverged,
            )

    def parallel_tempering(
        self, n_chains: int = 100, n_temperatures: int = 10, **options: Any
    ) -> ParallelTempering:
        """A sampler by parallel tempering, for models in which Gibbs chains stay in one mode.

        Parameters
        ----------
        n_chains : int, default=100
            Independent chains, at least 1.
        n_temperatures : int, default=10
            Replicas per chain, at least 1.
        **options
            Further arguments of `gibbslab.models.ParallelTempering`, whose errors these are too.

        Returns
        -------
        gibbslab.models.ParallelTempering
            Of a copy of the model as it is now.
        """
        return ParallelTempering(self, n_chains, n_temperatures, **options)

    def _exact_step(self, data: _core.Dataset, order: npt.NDArray[np.int64], rate: float) -> str:
        """One step of gradient ascent; the name of a tensor that diverged, or ''."""
        bernoulli = _core.units.UnitType("bernoulli")
        threads = self._rbm.n_threads
        core = _core.units.UnitRBM(
            self.v_size, self.h_size, bernoulli, bernoulli, 1.0, self.seed, threads, self.device
        )
        for name in self._parameter_names:
            setattr(core, name, getattr(self._rbm, name))
        options = _core.units.UnitTrainOptions()
        options.persistent, options.exact = False, True
        trainer = _core.units.UnitTrainer(core, options)
        diverged = trainer.train(data, order, len(order), 0, 1, rate)[1]
        for name in self._parameter_names:
            setattr(self._rbm, name, getattr(core, name))
        return diverged

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the model to a file, atomically; see `gibbslab.io.save` and `gibbslab.load`."""
        from ..io import save

        save(self, path)

    def _steps(self) -> Any:
        """The trainer that makes the steps, built when first needed or when `cd_k` changed."""
        if self._trainer is None or self._trainer.options.k != self.cd_k:
            options = _core.TrainOptions()
            options.persistent, options.k = False, self.cd_k
            self._trainer = _core.Trainer(self._rbm, options)
        return self._trainer
