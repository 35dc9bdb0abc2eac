"""One up-down step in plain NumPy float64, drawing the same words; see `cd_twin`."""

from __future__ import annotations

import numpy as np
import reference
from cd_twin import SAFE_MARGIN
from reference import DATA, HIDDEN, VISIBLE, sigmoid

Parameters = dict[str, np.ndarray]


class DbnTwin:
    """Parameters, velocities and position in the random stream of a DBN."""

    def __init__(self, parameters: Parameters, seed: int) -> None:
        self.p = {name: value.astype(np.float64) for name, value in parameters.items()}
        self.velocity = {name: np.zeros_like(value) for name, value in self.p.items()}
        self.seed, self.draws = seed, 0
        self.directed = range(sum(name.startswith("generative") for name in parameters))

    def draw(self, p: np.ndarray, layer: int) -> np.ndarray:
        u = reference.uniforms(*p.shape, self.seed, reference.stream_of(self.draws, layer))
        self.draws += 1
        margin = np.abs(u - p)[(p > 0) & (p < 1)]
        assert margin.size == 0 or margin.min() > SAFE_MARGIN, "choose another seed"
        return (u < p).astype(np.float64)

    def up(self, level: int, x: np.ndarray) -> np.ndarray:
        return sigmoid(x @ self.p[f"recognition_{level}"] + self.p[f"up_bias_{level}"])

    def down(self, level: int, x: np.ndarray) -> np.ndarray:
        return sigmoid(x @ self.p[f"generative_{level}"].T + self.p[f"down_bias_{level}"])

    def top_up(self, x: np.ndarray) -> np.ndarray:
        return sigmoid(x @ self.p["top_W"] + self.p["top_h_bias"])

    def top_down(self, h: np.ndarray) -> np.ndarray:
        return self.draw(sigmoid(h @ self.p["top_W"].T + self.p["top_v_bias"]), VISIBLE)

    def top_gradient(self, x0: np.ndarray, k: int) -> tuple[Parameters, np.ndarray]:
        """That of CD-k, and the states of the layer below the top after the sweeps."""
        p0 = p1 = self.top_up(x0)
        h, x = self.draw(p0, HIDDEN), x0
        for _ in range(k):
            x = self.top_down(h)
            p1 = self.top_up(x)
            h = self.draw(p1, HIDDEN)
        out = {"top_W": (x0.T @ p0 - x.T @ p1) / len(x)}
        out["top_v_bias"], out["top_h_bias"] = (x0 - x).mean(0), (p0 - p1).mean(0)
        return out, x

    def gradient(self, v: np.ndarray, k: int, top_only: bool) -> Parameters:
        n, wake, out = len(v), [v], {}
        for level in self.directed:
            wake.append(self.draw(self.up(level, wake[-1]), HIDDEN))
            rest = wake[level] - self.down(level, wake[-1])
            out[f"generative_{level}"] = rest.T @ wake[-1] / n
            out[f"down_bias_{level}"] = rest.mean(0)
        top, x = self.top_gradient(wake[-1], k)
        out |= top
        if top_only:
            return {name: g for name, g in out.items() if name.startswith("top")}
        for level in reversed(self.directed):
            below = self.draw(self.down(level, x), VISIBLE)
            rest = x - self.up(level, below)
            out[f"recognition_{level}"], out[f"up_bias_{level}"] = below.T @ rest / n, rest.mean(0)
            x = below
        return out

    def step(
        self, v: np.ndarray, rate: float, *, k: int = 1, momentum: float = 0.0, l2: float = 0.0,
        top_only: bool = False, sample_input: bool = False,
    ) -> None:  # fmt: skip
        v = v.astype(np.float64)
        if sample_input and not np.isin(v, (0, 1)).all():
            v = self.draw(v, DATA)
        for name, g in self.gradient(v, k, top_only).items():
            decay = 0.0 if "bias" in name else l2
            self.p[name], self.velocity[name] = reference.update(
                self.p[name], g, self.velocity[name], rate, momentum, l2=decay
            )


class LabelledDbnTwin(DbnTwin):
    """The same with labels; `y` holds those of the rows of the next step."""

    y: np.ndarray

    def draw_labels(self, h: np.ndarray) -> np.ndarray:
        score = h @ self.p["top_U"].T + self.p["top_y_bias"]
        ends = np.cumsum(np.exp(score - np.logaddexp.reduce(score, axis=1)[:, None]), axis=1)
        stream = reference.stream_of(self.draws, VISIBLE)
        u = reference.fine_uniforms(len(h), self.seed, stream)[:, None]
        self.draws += 1
        assert np.abs(u - ends[:, :-1]).min(initial=1) > SAFE_MARGIN, "choose another seed"
        return np.eye(ends.shape[1])[(u >= ends[:, :-1]).sum(axis=1)]

    def labelled_up(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        return sigmoid(x @ self.p["top_W"] + y @ self.p["top_U"] + self.p["top_h_bias"])

    def top_gradient(self, x0: np.ndarray, k: int) -> tuple[Parameters, np.ndarray]:
        y0 = np.eye(len(self.p["top_y_bias"]))[self.y]
        p0 = p1 = self.labelled_up(x0, y0)
        h, x, y = self.draw(p0, HIDDEN), x0, y0
        for _ in range(k):
            x, y = self.top_down(h), self.draw_labels(h)
            p1 = self.labelled_up(x, y)
            h = self.draw(p1, HIDDEN)
        out = {"top_W": (x0.T @ p0 - x.T @ p1) / len(x)}
        out["top_v_bias"], out["top_h_bias"] = (x0 - x).mean(0), (p0 - p1).mean(0)
        out["top_U"], out["top_y_bias"] = (y0.T @ p0 - y.T @ p1) / len(x), (y0 - y).mean(0)
        return out, x
