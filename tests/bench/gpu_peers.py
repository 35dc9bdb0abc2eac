"""torch's side of the benchmark on a card: eager, captured, compiled, compiled and captured."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import peers
import torch

GRAPH_STEPS = 10  # in one captured graph: more only make replays longer
HOWS = ("eager", "graph", "compile", "compile + graph")
Run = Callable[[int, int], None]


def usable_hows(device: str) -> tuple[str, ...]:
    """Graphs are captured on cards only."""
    return tuple(how for how in HOWS if device == "cuda" or "graph" not in how)


def _finish(device: str) -> None:
    if device == "cuda":
        torch.cuda.synchronize()


def _captured(work: Callable[[], None]) -> Callable[[], None]:
    """`work` as a graph, after warm-up runs on a side stream, as torch asks for."""
    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        for _ in range(3):
            work()
    torch.cuda.current_stream().wait_stream(side)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        work()
    return graph.replay


def cd(
    X: np.ndarray, hidden: int, batch: int, how: str, *, device: str, persistent: bool = False
) -> Run:
    """Batches of CD-1 or PCD-1; under "graph" a multiple of GRAPH_STEPS of them."""
    data = torch.from_numpy(X).to(device)
    step = peers.torch_cd(X.shape[1], hidden, batch, device=device, persistent=persistent)
    one = torch.compile(step) if "compile" in how else step

    @torch.no_grad()
    def eager(first: int, last: int) -> None:
        for i in range(first, last):
            one(data[i * batch : (i + 1) * batch])
        _finish(device)

    return _captured_cd(data, one, batch) if "graph" in how else eager


def _captured_cd(data: torch.Tensor, one: Callable[[Any], None], batch: int) -> Run:
    rows = GRAPH_STEPS * batch
    held = data[:rows].clone()  # the batches that the graph reads

    def steps() -> None:
        for i in range(GRAPH_STEPS):
            one(held[i * batch : (i + 1) * batch])

    with torch.no_grad():
        replay = _captured(steps)

    @torch.no_grad()
    def run(first: int, last: int) -> None:
        for i in range(first, last, GRAPH_STEPS):
            held.copy_(data[i * batch : i * batch + rows])
            replay()
        _finish("cuda")

    return run


class _Annealing:
    """State of AIS, with one temperature's step as tensors in, tensors changed in place."""

    def __init__(self, parameters: tuple[np.ndarray, ...], chains: int, device: str) -> None:
        W, a, b, base, betas = (torch.from_numpy(x).float().to(device) for x in parameters)
        self.W, self.a, self.b, self.base, self.betas = W, a, b, base, betas
        self.v = torch.zeros(chains, len(a), device=device)
        self.log_w = torch.zeros(chains, device=device, dtype=torch.float64)
        self.t = torch.zeros(1, device=device, dtype=torch.int64)

    def restart(self) -> None:
        self.v.copy_(torch.bernoulli(torch.sigmoid(self.base).expand_as(self.v)))
        self.log_w.zero_()
        self.t.zero_()

    def step(self, low: torch.Tensor, high: torch.Tensor) -> None:
        """From one inverse temperature to the next."""
        soft = torch.nn.functional.softplus
        x = torch.addmm(self.b, self.v, self.W)
        self.log_w += (soft(high * x) - soft(low * x)).sum(1, dtype=torch.float64)
        self.log_w += (high - low) * (self.v @ (self.a - self.base))
        h = torch.bernoulli(torch.sigmoid(high * x))
        down = high * torch.addmm(self.a, h, self.W.T) + (1 - high) * self.base
        self.v.copy_(torch.bernoulli(torch.sigmoid(down)))

    def advance(self) -> None:
        """The same by the counter `t`, for code that is recorded; at the last one, to stay."""
        last = len(self.betas) - 1
        low = self.betas.index_select(0, self.t.clamp(max=last))
        high = self.betas.index_select(0, (self.t + 1).clamp(max=last))
        self.step(low, high)
        self.t += 1

    def log_z(self) -> float:
        start = torch.nn.functional.softplus(self.base.double()).sum() + self.W.shape[1] * np.log(2)
        mean = torch.logsumexp(self.log_w, 0) - np.log(len(self.log_w))
        return float(start + mean)


def ais(
    parameters: tuple[np.ndarray, ...], chains: int, how: str, *, device: str
) -> Callable[[], float]:
    """A whole run of AIS over W, a, b, base biases and temperatures; returns log Z."""
    state = _Annealing(parameters, chains, device)
    last = len(state.betas) - 1

    def eager() -> None:
        for t in range(last):
            state.step(state.betas[t], state.betas[t + 1])

    @torch.no_grad()
    def run() -> float:
        state.restart()
        work()
        return state.log_z()

    work = eager if how == "eager" else _recorded_ais(state, last, how)
    return run


def _recorded_ais(state: _Annealing, last: int, how: str) -> Callable[[], None]:
    one = torch.compile(state.advance) if "compile" in how else state.advance
    at_once = GRAPH_STEPS if "graph" in how else 1

    def several() -> None:
        for _ in range(at_once):
            one()

    with torch.no_grad():
        replay = _captured(several) if "graph" in how else several

    def work() -> None:
        for _ in range(0, last, at_once):
            replay()

    return work
