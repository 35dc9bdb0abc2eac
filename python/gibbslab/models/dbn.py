"""Deep belief networks with two hidden layers, step by step: the interface of course templates."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from .._validation import as_integer, as_trailing_batch
from ._dbn_parameters import dbn_parameter
from ._deep import DeepBeliefNetwork
from .rbm import RBM

__all__ = ["DBN", "DBNWithFineTuning"]

FloatArray = npt.NDArray[np.float32]
Four = tuple[FloatArray, FloatArray, FloatArray, FloatArray]
States = tuple[FloatArray, ...]


class _TwoHiddenLayers(DeepBeliefNetwork):
    """What `DBN` and `DBNWithFineTuning` have in common."""

    LAYERS = 3

    @property
    def h1_size(self) -> int:
        """Units of the first hidden layer, H1."""
        return int(self._dbn.sizes[1])

    @property
    def h2_size(self) -> int:
        """Units of the second hidden layer, H2."""
        return int(self._dbn.sizes[2])

    def __call__(self, batch: npt.ArrayLike, steps: int | None = None) -> States:
        """The same as `forward`."""
        return self.forward(batch, steps)

    def forward(self, batch: npt.ArrayLike, steps: int | None = None) -> States:
        """The states of a pass."""
        raise NotImplementedError

    def _pass(self, batch: npt.ArrayLike, steps: int | None) -> dict[str, Any]:
        op = f"{type(self).__name__}.forward"
        v = as_trailing_batch(batch, "batch", op, self.v_size, device=self.device)
        return self._dbn.up_down(v, self._steps(steps, op), self._TOP_ONLY)

    def _steps(self, steps: int | None, op: str) -> int:
        return self.cd_k if steps is None else as_integer(steps, "steps", op)

    def gibbs_sampling(self, h2: npt.ArrayLike, steps: int | None = None) -> Four:
        """Sweeps h2 -> h1 -> h2 of the top RBM.

        Parameters
        ----------
        h2 : array_like that reshapes to (-1, H2)
            Where the chains start; any real values enter as they are.
        steps : int, optional
            Sweeps, at least 1; `cd_k` by default.

        Returns
        -------
        h1_down_prob, h1_down, h2_down_prob, h2_down : ndarray, float32
            Probabilities and 0/1 states of both layers after the sweeps, (n, H1) and (n, H2).

        Raises
        ------
        TypeError, ValueError
            If an argument has a wrong type, shape or value.
        """
        op = f"{type(self).__name__}.gibbs_sampling"
        start = as_trailing_batch(h2, "h2", op, self.h2_size, device=self.device)
        above, below, _ = self._dbn.top_gibbs(start, self._steps(steps, op))
        return (*below, *above)

    def reconstruct(self, h2: npt.ArrayLike, steps: int | None = None) -> Four:
        """Sweeps of the top RBM, then one way down to the visible layer.

        Parameters
        ----------
        h2 : array_like that reshapes to (-1, H2)
            Where the chains start; any real values, such as 20 times a one-hot row.
        steps : int, optional
            Sweeps, at least 1; `cd_k` by default.

        Returns
        -------
        v_prob, v, h2_down_prob, h2_down : ndarray, float32
            Probabilities and 0/1 states: visible (n, V), and of the top layer (n, H2) that they
            were generated from.

        Raises
        ------
        TypeError, ValueError
            If an argument has a wrong type, shape or value.
        """
        _, _, h2_prob, h2_state = self.gibbs_sampling(h2, steps)
        _, h1_state = self._dbn.top_down(h2_state)
        v_prob, v = self._dbn.down(0, h1_state)
        return v_prob, v, h2_prob, h2_state


class DBN(_TwoHiddenLayers):
    """A deep belief network on top of a trained RBM, whose second layer is trained greedily.

    Layers v - h1 - h2. The first RBM's weights `W1` serve upwards and downwards; `h1_bias` is the
    hidden bias of the way up and the visible bias of the top RBM, so training the latter moves it.

    Parameters
    ----------
    first_rbm : RBM
        The trained first layer, which is copied. The model computes where it does.
    second_hidden_size : int
        H2, at least 1.
    cd_k : int, default=1
        Gibbs sweeps of the top RBM, at least 1.
    unrolled : bool, default=False
        Start with ``W2 = W1.T`` and ``h2_bias = v_bias`` in place of Normal(0, 0.1^2) and 0, for
        which `second_hidden_size` must be V. The network then models exactly what the first RBM
        does (Hinton, Osindero and Teh 2006, section 4).
    random_state : int, RandomState, Generator or None, default=None
        The same integer gives the same weights and samples.

    Attributes
    ----------
    v_size, h1_size, h2_size, cd_k : int
        Sizes V, H1, H2, and sweeps.
    W1 : ndarray of shape (V, H1), float32
        Like the other arrays a read-only copy to read, and assignable.
    v_bias : ndarray of shape (V,)
    h1_bias : ndarray of shape (H1,)
    W2 : ndarray of shape (H1, H2)
    h2_bias : ndarray of shape (H2,)

    Raises
    ------
    TypeError, ValueError
        If an argument has a wrong type or value.

    Examples
    --------
    >>> import numpy as np
    >>> from gibbslab.models import DBN, RBM
    >>> model = DBN(RBM(4, 3, random_state=0), second_hidden_size=2, cd_k=2, random_state=0)
    >>> model.update_weights_for_batch(np.eye(4), learning_rate=0.1)
    >>> *_, h2_down = model(np.eye(4))
    >>> v_prob, v, h2_prob, h2 = model.reconstruct(h2_down, 10)
    >>> v_prob.shape
    (4, 4)
    """

    _TOP_ONLY = True

    W1 = dbn_parameter("Weights between v and h1, (V, H1).", "generative_0", "recognition_0")
    v_bias = dbn_parameter("Visible biases, (V,).", "down_bias_0")
    h1_bias = dbn_parameter("Biases of h1, (H1,).", "top_v_bias", "up_bias_0")
    W2 = dbn_parameter("Weights between h1 and h2, (H1, H2).", "top_W")
    h2_bias = dbn_parameter("Biases of h2, (H2,).", "top_h_bias")

    def __init__(
        self,
        first_rbm: RBM,
        second_hidden_size: int,
        cd_k: int = 1,
        *,
        unrolled: bool = False,
        random_state: int | np.random.RandomState | np.random.Generator | None = None,
    ) -> None:
        if not isinstance(first_rbm, RBM):
            raise TypeError(f"[DBN] first_rbm must be an RBM, got {type(first_rbm).__name__}")
        hidden = as_integer(second_hidden_size, "second_hidden_size", "DBN")
        if unrolled and hidden != first_rbm.v_size:
            raise ValueError(
                f"[DBN] second_hidden_size must be {first_rbm.v_size} with unrolled, got {hidden}"
            )
        super().__init__(
            [first_rbm.v_size, first_rbm.h_size, hidden],
            cd_k,
            random_state=random_state,
            device=first_rbm.device,
            n_threads=first_rbm.n_threads,
        )
        self.W1, self.v_bias, self.h1_bias = first_rbm.W, first_rbm.v_bias, first_rbm.h_bias
        if unrolled:
            self.W2, self.h2_bias = first_rbm.W.T, first_rbm.v_bias

    def forward(self, batch: npt.ArrayLike, steps: int | None = None) -> States:
        """Up to h2, sweeps of the top RBM.

        Parameters
        ----------
        batch : array_like that reshapes to (-1, V)
            Visible states; grey values enter as they are.
        steps : int, optional
            Sweeps, at least 1; `cd_k` by default.

        Returns
        -------
        h1up_prob, h1up, h2up_prob, h2up, h1down_prob, h1down, h2down_prob, h2down : ndarray
            Probabilities and 0/1 states on the way up and after the sweeps, float32.

        Raises
        ------
        TypeError, ValueError
            If an argument has a wrong type, shape or value.
        """
        out = self._pass(batch, steps)
        return (*out["up"][0], *out["h0"], *out["v1"], *out["h1"])

    def update_weights_for_batch(
        self,
        batch: npt.ArrayLike,
        learning_rate: float = 0.01,
        *,
        labels: npt.ArrayLike | None = None,
    ) -> None:
        """One step of CD-`cd_k` of the top RBM on states drawn from the way up.

        W2 += learning_rate <h1up h2up_prob - h1down h2down_prob>, the mean over the batch, and
        likewise h1_bias and h2_bias; W1 and v_bias stay.

        Parameters
        ----------
        batch : array_like that reshapes to (-1, V)
            Visible states; grey values are used as they are.
        learning_rate : float, default=0.01
            Step size, at least 0.
        labels : None
            These networks have none.

        Raises
        ------
        TypeError, ValueError
            If an argument has a wrong type, shape or value.
        DivergenceError
            If the step would make a parameter non-finite; the model is then unchanged.
        """
        super().update_weights_for_batch(batch, learning_rate, labels=labels)
        self._dbn.set("up_bias_0", self._dbn.get("top_v_bias"))


class DBNWithFineTuning(_TwoHiddenLayers):
    """A deep belief network with separate weights upwards and downwards, trained by up-down.

    Layers v - h1 - h2. Recognition weights `R1` and biases `h1_up_bias` lead up to h1, generative
    weights `W1_down` and biases `v1_bias` down to v; h1 and h2 form the top RBM, whose visible
    biases are `h1_down_bias`.

    Parameters
    ----------
    base_dbn : DBN
        The greedily trained network to start from, which is copied.
    cd_k : int, default=1
        Gibbs sweeps of the top RBM, at least 1.
    random_state : int, RandomState, Generator or None, default=None
        The same integer gives the same samples.

    Attributes
    ----------
    v_size, h1_size, h2_size, cd_k : int
        Sizes V, H1, H2, and sweeps.
    R1 : ndarray of shape (V, H1), float32
        Like the other arrays a read-only copy to read, and assignable.
    W1_down : ndarray of shape (H1, V)
    v1_bias : ndarray of shape (V,)
    h1_up_bias, h1_down_bias : ndarray of shape (H1,)
    W2 : ndarray of shape (H1, H2)
    h2_bias : ndarray of shape (H2,)

    Raises
    ------
    TypeError, ValueError
        If an argument has a wrong type or value.

    References
    ----------
    Hinton, Osindero and Teh (2006), A fast learning algorithm for deep belief nets, section 5 and
    appendix B.
    """

    _TOP_ONLY = False

    R1 = dbn_parameter("Recognition weights from v to h1, (V, H1).", "recognition_0")
    W1_down = dbn_parameter(
        "Generative weights from h1 to v, (H1, V).", "generative_0", transposed=True
    )
    v1_bias = dbn_parameter("Generative biases of v, (V,).", "down_bias_0")
    h1_up_bias = dbn_parameter("Recognition biases of h1, (H1,).", "up_bias_0")
    h1_down_bias = dbn_parameter("Biases of h1 in the top RBM, (H1,).", "top_v_bias")
    W2 = dbn_parameter("Weights between h1 and h2, (H1, H2).", "top_W")
    h2_bias = dbn_parameter("Biases of h2, (H2,).", "top_h_bias")

    def __init__(
        self,
        base_dbn: DBN,
        cd_k: int = 1,
        *,
        random_state: int | np.random.RandomState | np.random.Generator | None = None,
    ) -> None:
        if not isinstance(base_dbn, DBN):
            name = type(base_dbn).__name__
            raise TypeError(f"[DBNWithFineTuning] base_dbn must be a DBN, got {name}")
        super().__init__(
            base_dbn.layer_sizes,
            cd_k,
            random_state=random_state,
            device=base_dbn.device,
            n_threads=base_dbn.n_threads,
        )
        self.set_parameters(**base_dbn.parameters)

    def forward(self, batch: npt.ArrayLike, steps: int | None = None) -> States:
        """Wake phase, sweeps of the top RBM, sleep phase.

        Parameters
        ----------
        batch : array_like that reshapes to (-1, V)
            Visible states; grey values enter as they are.
        steps : int, optional
            Sweeps, at least 1; `cd_k` by default.

        Returns
        -------
        h1_up_prob, h1_up, v1_up_down_prob, v1_up_down, h2_up_prob, h2_up, h1_down_prob, h1_down, \
h2_down_prob, h2_down, v1_down_prob, v1_down, h1_down_up_prob, h1_down_up : ndarray
            Probabilities and 0/1 states, float32: up to h1 and its prediction of v, up to h2;
            both after the sweeps; down from h1 to v and its prediction of h1.

        Raises
        ------
        TypeError, ValueError
            If an argument has a wrong type, shape or value.
        """
        out = self._pass(batch, steps)
        wake = (*out["up"][0], *out["predicted"][0], *out["h0"])
        return (*wake, *out["v1"], *out["h1"], *out["generated"][0], *out["recognised"][0])

    def update_weights_for_batch(
        self,
        batch: npt.ArrayLike,
        learning_rate: float = 0.01,
        *,
        labels: npt.ArrayLike | None = None,
    ) -> None:
        """One step of the up-down algorithm.

        W1_down += learning_rate <h1_up (v - v1_up_down_prob)>, the mean over the batch, and
        R1 += learning_rate <v1_down (h1_down - h1_down_up_prob)>, likewise their biases; the top
        RBM takes a step of CD-`cd_k`. Predictions enter as probabilities, as in the paper's
        appendix: samples would have the same mean and more noise.

        Parameters
        ----------
        batch : array_like that reshapes to (-1, V)
            Visible states; grey values are used as they are.
        learning_rate : float, default=0.01
            Step size, at least 0.
        labels : None
            These networks have none.

        Raises
        ------
        TypeError, ValueError
            If an argument has a wrong type, shape or value.
        DivergenceError
            If the step would make a parameter non-finite; the model is then unchanged.
        """
        super().update_weights_for_batch(batch, learning_rate, labels=labels)
