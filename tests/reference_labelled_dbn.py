"""Every probability of a small deep belief network with labels, by enumeration in float64."""

from __future__ import annotations

import numpy as np
from reference import index_of, sigmoid
from reference_classification import EnumeratedClassifier, log_proba
from reference_classification import Parameters as Top
from reference_dbn import EnumeratedDBN, Parameters

TOP = ("W", "U", "v_bias", "h_bias", "y_bias")


def top_of(parameters: Parameters) -> Top:
    """W, U, a, b and d of the RBM at the top."""
    return tuple(parameters[f"top_{name}"] for name in TOP)  # type: ignore[return-value]


def hidden_mean(theta: Top, x: np.ndarray) -> np.ndarray:
    """E[h | x] with the labels summed out, by the closed form."""
    w, u, _, b, _ = (part.astype(np.float64) for part in theta)
    each = sigmoid((x.astype(np.float64) @ w + b)[:, None, :] + u)
    return (np.exp(log_proba(theta, x))[:, :, None] * each).sum(axis=1)


class EnumeratedLabelledDBN(EnumeratedDBN):
    """Tables of a DBN with K labels; distributions over (x_{D-1}, y) are flat, x K + y."""

    top: EnumeratedClassifier

    def enumerated_top(self) -> EnumeratedClassifier:
        return EnumeratedClassifier(top_of(self.p))

    @property
    def classes(self) -> int:
        return len(self.p["top_y_bias"])

    @property
    def p_x(self) -> np.ndarray:
        """p(x_{D-1})."""
        return self.top.joint.sum(axis=(1, 2))

    @property
    def x_given_h(self) -> np.ndarray:
        """p(x_{D-1} | x_D), (2^N_D, 2^N_{D-1})."""
        return self.top.vy_given_h.reshape(len(self.top.h), -1, self.classes).sum(axis=2)

    @property
    def h_given_x(self) -> np.ndarray:
        """p(x_D | x_{D-1}), the labels summed out."""
        table = self.top.joint.sum(axis=1)
        return table / table.sum(axis=1, keepdims=True)

    def h_given_xy(self, label: int) -> np.ndarray:
        """p(x_D | x_{D-1}, y = label)."""
        return self.top.h_given_vy.reshape(-1, self.classes, len(self.top.h))[:, label]

    def held_sweep(self, label: int) -> np.ndarray:
        """Transition matrix of x_D -> x_{D-1} -> x_D with the label held."""
        return self.x_given_h @ self.h_given_xy(label)

    def wake(self, v: np.ndarray, y: np.ndarray) -> np.ndarray:
        """The distribution of (x_{D-1}, y) in the wake phase from rows v with labels y."""
        by_label = [
            np.bincount(index_of(v[y == k]), minlength=2 ** self.sizes[0]) / len(v)
            for k in range(self.classes)
        ]
        for level in self.directed:
            by_label = [p @ self.up[level] for p in by_label]
        return np.stack(by_label, axis=1).ravel()

    def expected_labelled_up_down(self, v: np.ndarray, y: np.ndarray, k: int) -> Parameters:
        """The expected up-down gradient over binary rows v with labels y, by parameter."""
        out: Parameters = {}
        x = np.bincount(index_of(v), minlength=2 ** self.sizes[0]) / len(v)
        for level in self.directed:
            wake, x = self.wake_gradient(level, x)
            out |= wake
        p0 = self.wake(v, y)
        p_h = p0 @ self.top.h_given_vy
        top = self.top.expected_cd(p0, p_h, k)
        out |= {f"top_{name}": part for name, part in zip(TOP, top)}
        x = p_h @ np.linalg.matrix_power(self.top.sweep, k - 1) @ self.x_given_h
        for level in reversed(self.directed):
            sleep, x = self.sleep_gradient(level, x)
            out |= sleep
        return out
