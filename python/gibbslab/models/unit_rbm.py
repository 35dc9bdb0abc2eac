"""RBMs of other than Bernoulli units: what differs from the Bernoulli RBM."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import numpy.typing as npt

from .. import _core
from .._validation import as_batch, as_parameter, as_real
from ..units import LEAST_VARIANCE, Binomial, Gaussian, ReLU, Unit, as_unit, check_admissible
from ._parameters import _read_only
from .rbm import RBM

__all__ = ["UnitRBM"]

FloatArray = npt.NDArray[np.float32]
DoubleArray = npt.NDArray[np.float64]


class UnitRBM(RBM):
    """An RBM of any admissible pair of unit types, at any temperature.

    Made by ``RBM(..., visible=..., hidden=..., temperature=...)``; parameters, methods and errors
    are those of `RBM`, whose probabilities are means E[v | h] and E[h | v] here, and whose 0/1
    states are states of the units. A size counts columns: K for each categorical unit. beta, where
    a method takes it, divides T0, and must be above 0 where units are Gaussian. `energy` is
    beta E(v, h) / T0, and `free_energy` -log p(v) - log Z, where p(v, h) ~ m(v) m(h) exp(-energy):
    m counts the ways to reach a binomial or rectified state, and is 1 for others.

    Attributes
    ----------
    visible, hidden : gibbslab.units.Unit
        The unit types.
    temperature : float
        T0.
    v_variance, h_variance : ndarray of shape (V,) and (H,), float32
        Variances of Gaussian units, 1 elsewhere; assignable where units are Gaussian.

    Examples
    --------
    >>> import numpy as np
    >>> from gibbslab.models import RBM
    >>> model = RBM(4, 3, visible="gaussian", hidden="bernoulli", random_state=0)
    >>> model.sample(n_samples=2, n_steps=10)[1].shape
    (2, 4)
    """

    _parameter_names = ("W", "v_bias", "h_bias", "v_variance", "h_variance")

    def _set_units(self, visible: Any, hidden: Any, temperature: Any) -> None:
        self.visible: Unit = as_unit(visible, "visible", "RBM")
        self.hidden: Unit = as_unit(hidden, "hidden", "RBM")
        check_admissible(self.visible, self.hidden, "RBM")
        self.temperature = as_real(temperature, "temperature", "RBM")
        if self.temperature == 0.0:
            raise ValueError(f"[RBM] temperature must be above 0, got {temperature!r}")

    def _new_core(
        self, visible_size: int, hidden_size: int, seed: int, n_threads: int, device: str
    ) -> Any:
        self.visible.check_size(visible_size, "visible_size", "RBM")
        self.hidden.check_size(hidden_size, "hidden_size", "RBM")
        types = self.visible.core_type(), self.hidden.core_type()
        core = _core.units.UnitRBM(
            visible_size, hidden_size, *types, self.temperature, seed, n_threads, device
        )
        if isinstance(self.visible, Gaussian):
            core.v_variance = self.visible.initial_variance(visible_size)
        if isinstance(self.hidden, Gaussian):
            core.h_variance = self.hidden.initial_variance(hidden_size)
        return core

    @property
    def v_variance(self) -> FloatArray:
        """Variances of the visible units, (V,); a read-only copy, assignable if Gaussian."""
        return _read_only(self._rbm.v_variance)

    @v_variance.setter
    def v_variance(self, value: npt.ArrayLike) -> None:
        self._rbm.v_variance = self._variance(value, "v_variance", self.visible, self.v_size)

    @property
    def h_variance(self) -> FloatArray:
        """Variances of the hidden units, (H,), as `v_variance`."""
        return _read_only(self._rbm.h_variance)

    @h_variance.setter
    def h_variance(self, value: npt.ArrayLike) -> None:
        self._rbm.h_variance = self._variance(value, "h_variance", self.hidden, self.h_size)

    def _variance(self, value: npt.ArrayLike, name: str, unit: Unit, size: int) -> Any:
        given = as_parameter(value, name, "RBM", (size,), device=self.device)
        least, most = np.min(np.asarray(given)), np.max(np.asarray(given))
        if not isinstance(unit, Gaussian) and (least, most) != (1.0, 1.0):
            raise ValueError(f"[RBM] {name} is of Gaussian units only, and these are {unit!r}")
        if least < LEAST_VARIANCE:
            raise ValueError(f"[RBM] {name} must be at least {LEAST_VARIANCE:.3g}, got {least:g}")
        return given

    def _check_states(self, x: Any, unit: Unit, name: str, op: str) -> Any:
        right = unit.is_state(np.asarray(x))
        if not right.all():
            raise ValueError(
                f"[{op}] {name} must hold {unit.states}, got another state in row "
                f"{int(np.argmin(right))}"
            )
        return x

    def _visible_states(self, v: npt.ArrayLike, name: str, op: str) -> Any:
        batch = as_batch(v, name, op, self.v_size, device=self.device)
        return self._check_states(batch, self.visible, name, op)

    def _visible_batch(self, v: npt.ArrayLike, name: str, op: str) -> Any:
        # Their base measures are of whole states.
        if isinstance(self.visible, (Binomial, ReLU)):
            return self._visible_states(v, name, op)
        return super()._visible_batch(v, name, op)

    def pseudo_likelihood(self, v: npt.ArrayLike, **options: Any) -> DoubleArray:
        """Refused: flipping a unit is for Bernoulli units.

        Raises
        ------
        ValueError
            Always.
        """
        raise ValueError(
            f"[RBM.pseudo_likelihood] visible and hidden must be Bernoulli at temperature 1, got "
            f"{self!r}"
        )

    @property
    def _even_beta(self) -> float:
        return float(isinstance(self.visible, Gaussian))

    def _ais_run(
        self, base: Any, betas: list[float], n_chains: int, start: Any, seed: int
    ) -> _core.units.UnitAIS:
        return _core.units.UnitAIS(self._rbm, base, betas, n_chains, start, seed)

    def _base_biases(self, means: DoubleArray) -> DoubleArray:
        biases = self.visible.bias_for(means)
        return biases if isinstance(self.visible, Gaussian) else self.temperature * biases

    def _with_seed(self, seed: int, temperature: float | None = None) -> UnitRBM:
        """A model of the same parameters with another random stream, or temperature."""
        out = copy.copy(self)
        out.temperature = self.temperature if temperature is None else temperature
        sizes = self.v_size, self.h_size
        out._rbm = out._new_core(*sizes, seed, self._rbm.n_threads, self.device)
        for name in self._parameter_names:
            setattr(out._rbm, name, getattr(self._rbm, name))
        return out

    def _at_temperature(self, beta: float) -> UnitRBM:
        if beta == 0.0:
            raise ValueError(
                f"[ais] beta must be above 0 for other than Bernoulli units, got {beta}"
            )
        return self._with_seed(self.seed, self.temperature / beta)

    def zero_sum_gauge(self) -> UnitRBM:
        """The same distribution in the zero-sum gauge of its categorical layers, as a new model.

        The biases of a categorical unit sum to zero, and so do its weights to each unit or column
        of the other layer, whose biases take up what the weights lose. This model is left as it
        is.

        Returns
        -------
        UnitRBM

        Raises
        ------
        ValueError
            If no layer is categorical.
        """
        from ._gauge import to_zero_sum

        out = copy.deepcopy(self)
        out.W, out.v_bias, out.h_bias = to_zero_sum(self)
        return out

    def _exact_step(self, data: _core.Dataset, order: npt.NDArray[np.int64], rate: float) -> str:
        options = self._train_options()
        options.exact = True
        trainer = _core.units.UnitTrainer(self._rbm, options)
        return trainer.train(data, order, len(order), 0, 1, rate)[1]

    def _train_options(self) -> _core.units.UnitTrainOptions:
        options = _core.units.UnitTrainOptions()
        options.persistent, options.k = False, self.cd_k
        if isinstance(self.visible, Gaussian) and self.visible.learned:
            options.learn_variance = True
            options.least_variance, options.most_variance = self.visible.bounds
        return options

    def _steps(self) -> _core.units.UnitTrainer:
        """The trainer that makes the steps, built when first needed or when `cd_k` changed."""
        if self._trainer is None or self._trainer.options.k != self.cd_k:
            self._trainer = _core.units.UnitTrainer(self._rbm, self._train_options())
        return self._trainer

    def __repr__(self) -> str:
        more = "" if self.temperature == 1.0 else f", temperature={self.temperature:g}"
        return (
            f"RBM(visible_size={self.v_size}, hidden_size={self.h_size}, cd_k={self.cd_k}, "
            f"visible={self.visible!r}, hidden={self.hidden!r}{more})"
        )
