"""Every operation in plain NumPy float64, and small binary models by enumeration.

Nothing here shares code or method with the core: conditionals come from normalising the joint
table of exp(-energy), not from the sigmoid, so that both sides must be right to agree.
"""

from __future__ import annotations

from functools import cached_property

import numpy as np

VISIBLE, HIDDEN, DATA, WEIGHTS, ORDER = range(5)  # layers: the low byte of a stream's name


def philox(counter: np.ndarray, stream: int, seed: int) -> np.ndarray:
    """Philox4x32-10 (Salmon et al. 2011): the four words at each 64-bit counter, (n, 4)."""
    low = np.uint64(0xFFFFFFFF)
    half = np.uint64(32)
    c0, c1 = counter & low, counter >> half
    c2 = np.full_like(counter, stream & 0xFFFFFFFF)
    c3 = np.full_like(counter, stream >> 32)
    k0, k1 = seed & 0xFFFFFFFF, seed >> 32
    for _ in range(10):
        p0, p1 = np.uint64(0xD2511F53) * c0, np.uint64(0xCD9E8D57) * c2
        c0, c1 = (p1 >> half) ^ c1 ^ np.uint64(k0), p1 & low
        c2, c3 = (p0 >> half) ^ c3 ^ np.uint64(k1), p0 & low
        k0, k1 = (k0 + 0x9E3779B9) & 0xFFFFFFFF, (k1 + 0xBB67AE85) & 0xFFFFFFFF
    return np.stack([c0, c1, c2, c3], axis=-1).astype(np.uint32)


def stream_of(draw: int, layer: int) -> int:
    return draw << 8 | layer


def words(rows: int, cols: int, seed: int, stream: int, first_row: int = 0) -> np.ndarray:
    """The random word of every element of a (rows, cols) draw: each row starts a fresh counter."""
    per_row = -(-cols // 4)
    start = (np.arange(rows, dtype=np.uint64) + np.uint64(first_row)) * np.uint64(per_row)
    counters = start[:, None] + np.arange(per_row, dtype=np.uint64)
    return philox(counters, stream, seed).reshape(rows, 4 * per_row)[:, :cols]


def uniforms(rows: int, cols: int, seed: int, stream: int, first_row: int = 0) -> np.ndarray:
    """Uniforms in [0, 1): 24 bits each, exact in float32."""
    return np.float32(2.0**-24) * (words(rows, cols, seed, stream, first_row) >> 8).astype(
        np.float32
    )


def fine_uniforms(count: int, seed: int, stream: int) -> np.ndarray:
    """Uniforms in [0, 1) of 53 bits for choices that the host makes, one at each counter."""
    four = philox(np.arange(count, dtype=np.uint64), stream, seed).astype(np.uint64)
    return ((four[:, 1] << np.uint64(32) | four[:, 0]) >> np.uint64(11)) * 2.0**-53


def bernoulli(p: np.ndarray, seed: int, stream: int, first_row: int = 0) -> np.ndarray:
    """1 where the uniform is below p; the comparison is in float32, as on every device."""
    return (uniforms(*p.shape, seed, stream, first_row) < p.astype(np.float32)).astype(np.float32)


def normal(rows: int, cols: int, seed: int, stream: int, first_row: int = 0) -> np.ndarray:
    """Box and Muller's cosine, two words for each element."""
    element = np.arange(rows * cols, dtype=np.uint64) + np.uint64(first_row * cols)
    four = philox(element // np.uint64(2), stream, seed).astype(np.float64)
    pair = np.where((element % np.uint64(2) == 1)[:, None], four[:, 2:], four[:, :2])
    radius = np.sqrt(-2.0 * np.log((pair[:, 0] + 0.5) * 2.0**-32))
    return (radius * np.cos(2.0 * np.pi * pair[:, 1] * 2.0**-32)).reshape(rows, cols)


def permutation(n: int, seed: int, draw: int) -> np.ndarray:
    """Durstenfeld's shuffle; step i reads 64 bits at counter i."""
    out = np.arange(n)
    four = philox(np.arange(n, dtype=np.uint64), stream_of(draw, ORDER), seed).astype(np.uint64)
    wide = four[:, 1] << np.uint64(32) | four[:, 0]
    for i in range(n - 1, 0, -1):
        j = int(wide[i] % np.uint64(i + 1))
        out[i], out[j] = out[j], out[i]
    return out


def sigmoid(x: np.ndarray) -> np.ndarray:
    """1 / (1 + exp(-x)) in float64, without overflow."""
    e = np.exp(-np.abs(x.astype(np.float64)))
    return np.where(x > 0, 1.0, e) / (1.0 + e)


def fixed_point_pre_activation(
    x: np.ndarray, w: np.ndarray, bias: np.ndarray, scale: float
) -> np.ndarray:
    """scale (x W) + bias, W (I, J) as whole multiples of a power of two, at most 8355711 of it."""
    exponent = np.floor(np.log2(max(float(np.abs(w).max()), 2.0**-100))) - 22
    exponent += np.abs(w).max() > np.float32(8355711.0 * 2.0**exponent)
    whole = np.rint(w.astype(np.float64) * 2.0**-exponent)
    sums = (x.astype(np.float64) @ whole * 2.0**exponent).astype(np.float32)
    return (sums * np.float64(np.float32(scale)) + bias).astype(np.float32)


def as_float32(x: np.ndarray, name: str) -> np.ndarray:
    """Numbers of the named type, bfloat16 as its 16 bits, as the nearest float32."""
    if name == "bfloat16":
        return (x.astype(np.uint32) << 16).view(np.float32)
    with np.errstate(over="ignore"):
        return x.astype(np.float32)


def softplus(x: np.ndarray) -> np.ndarray:
    return np.logaddexp(0.0, x)


def pre_activation(
    x: np.ndarray, w: np.ndarray, bias: np.ndarray, up: bool, scale: float = 1.0
) -> np.ndarray:
    """scale x W + bias up, scale x W^T + bias down; w (V, H)."""
    factor = w.astype(np.float64) if up else w.astype(np.float64).T
    return float(scale) * (x.astype(np.float64) @ factor) + bias.astype(np.float64)


def cd_statistics(
    v0: np.ndarray, h0: np.ndarray, v1: np.ndarray, h1: np.ndarray, positive: float, negative: float
) -> np.ndarray:
    v0, h0, v1, h1 = (x.astype(np.float64) for x in (v0, h0, v1, h1))
    return float(positive) * v0.T @ h0 - float(negative) * v1.T @ h1


def update(
    w: np.ndarray,
    gradient: np.ndarray,
    velocity: np.ndarray,
    learning_rate: float,
    momentum: float = 0.0,
    l1: float = 0.0,
    l2: float = 0.0,
) -> tuple[np.ndarray, np.ndarray]:
    """The new value and velocity: the velocity is not multiplied by the learning rate twice."""
    w, gradient, velocity = (x.astype(np.float64) for x in (w, gradient, velocity))
    new_velocity = momentum * velocity + gradient - l2 * w - l1 * np.sign(w)
    return w + learning_rate * new_velocity, new_velocity


def limit_column_norms(w: np.ndarray, max_norm: float) -> np.ndarray:
    norms = np.linalg.norm(w.astype(np.float64), axis=0)
    return w * np.where(norms > max_norm, max_norm / np.maximum(norms, 1e-300), 1.0)


def states(n: int) -> np.ndarray:
    """All 2^n binary states, (2^n, n); unit i of state s is bit i of s."""
    return (np.arange(2**n)[:, None] >> np.arange(n) & 1).astype(np.float64)


def index_of(x: np.ndarray) -> np.ndarray:
    """The row of `states` that each row of x is; exact in float32 up to 24 units."""
    return (x.astype(np.float32) @ np.exp2(np.arange(x.shape[1], dtype=np.float32))).astype(int)


class Enumerated:
    """Every probability of an RBM of at most about 16 units, from its joint table.

    Parameters
    ----------
    w, a, b : arrays (V, H), (V,), (H,)
    beta : float
        Inverse temperature: p(v, h) = exp(-beta E(v, h)) / Z.
    """

    def __init__(self, w: np.ndarray, a: np.ndarray, b: np.ndarray, beta: float = 1.0) -> None:
        self.w, self.a, self.b = (np.asarray(x, dtype=np.float64) for x in (w, a, b))
        self.beta = beta
        self.v, self.h = states(len(self.a)), states(len(self.b))

    @cached_property
    def minus_energy(self) -> np.ndarray:
        """-beta E(v, h) of every pair, (2^V, 2^H)."""
        pair = self.v @ self.w @ self.h.T
        return self.beta * (pair + (self.v @ self.a)[:, None] + (self.h @ self.b)[None, :])

    @cached_property
    def log_z(self) -> float:
        return float(np.logaddexp.reduce(self.minus_energy, axis=None))

    @cached_property
    def joint(self) -> np.ndarray:
        return np.exp(self.minus_energy - self.log_z)

    @cached_property
    def p_v(self) -> np.ndarray:
        return self.joint.sum(axis=1)

    @cached_property
    def p_h(self) -> np.ndarray:
        return self.joint.sum(axis=0)

    @cached_property
    def free_energy(self) -> np.ndarray:
        return -np.logaddexp.reduce(self.minus_energy, axis=1)

    @cached_property
    def h_given_v(self) -> np.ndarray:
        """p(h | v), (2^V, 2^H); rows sum to 1."""
        return self.joint / self.p_v[:, None]

    @cached_property
    def v_given_h(self) -> np.ndarray:
        """p(v | h), (2^H, 2^V); rows sum to 1."""
        return (self.joint / self.p_h).T

    @cached_property
    def sweep_v(self) -> np.ndarray:
        """Transition matrix of the sweep v -> h -> v."""
        return self.h_given_v @ self.v_given_h

    @cached_property
    def sweep_h(self) -> np.ndarray:
        """Transition matrix of the sweep h -> v -> h."""
        return self.v_given_h @ self.h_given_v

    def log_conditionals(self) -> np.ndarray:
        """sum_i log p(v_i | the other visible units) of every v, by flipping unit i."""
        log_p = np.log(self.p_v)
        total = np.zeros(len(self.v))
        for i in range(len(self.a)):
            other = log_p[np.arange(len(log_p)) ^ (1 << i)]
            total += log_p - np.logaddexp(log_p, other)
        return total

    def h_given(self, v: np.ndarray) -> np.ndarray:
        """p(h | v) for real-valued v too, (N, 2^H)."""
        score = self.beta * (v.astype(np.float64) @ self.w + self.b) @ self.h.T
        return np.exp(score - np.logaddexp.reduce(score, axis=1)[:, None])

    def clamped_sweep(self, mask: np.ndarray, known: np.ndarray) -> np.ndarray:
        """Transition matrix of v -> h -> v with the masked units put back, (2^V, 2^V)."""
        at = index_of(np.where(mask == 1, known, self.v))
        put_back = np.zeros((len(self.v), len(self.v)))
        put_back[np.arange(len(self.v)), at] = 1.0
        return self.sweep_v @ put_back

    def conditional(self, mask: np.ndarray, known: np.ndarray) -> np.ndarray:
        """p(v | the masked units are as in known), over all v, (2^V,)."""
        agree = (self.v[:, mask == 1] == known[mask == 1]).all(axis=1)
        p = np.where(agree, self.p_v, 0.0)
        return p / p.sum()

    def expected_positive(self, v0: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Row means of v h^T, v and h, with h ~ p(h | v0); grey v0 allowed."""
        h = self.h_given(v0) @ self.h
        return v0.T @ h / len(v0), v0.mean(axis=0), h.mean(axis=0)

    def expected_negative(
        self, p_h: np.ndarray, k: int
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """E v h^T, E v and E h after k sweeps from hidden states drawn from p_h (2^H,)."""
        p_v = p_h @ self.v_given_h
        for _ in range(k - 1):
            p_v = p_v @ self.sweep_v
        h = self.h_given_v @ self.h
        return self.v.T @ (p_v[:, None] * h), p_v @ self.v, p_v @ h

    def expected_cd(self, v0: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Expected CD-k gradient of W, a, b over the chains that start from v0 (N, V)."""
        positive = self.expected_positive(v0)
        negative = self.expected_negative(self.h_given(v0).mean(axis=0), k)
        return tuple(p - n for p, n in zip(positive, negative))  # type: ignore[return-value]


def draw_states(p: np.ndarray, n: int, seed: int) -> np.ndarray:
    """n states drawn exactly from the distribution p over all 2^V states, (n, V)."""
    edges = np.cumsum(p)
    at = np.searchsorted(edges / edges[-1], np.random.default_rng(seed).random(n), side="right")
    return states(round(np.log2(len(p))))[at].astype(np.float32)
