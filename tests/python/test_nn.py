"""The Python face of networks: variables as arrays, modules, layers, optimisers, refusals."""

from __future__ import annotations

import copy
import doctest
import importlib
import pickle

import numpy as np
import pytest
from gibbslab import nn
from gibbslab.errors import DivergenceError
from gibbslab.nn._sequential import _fuses


def two_layers(**options) -> nn.Sequential:
    return nn.Sequential(
        nn.Linear(4, 8, random_state=0, device="cpu"), nn.Tanh(),
        nn.Linear(8, 3, random_state=1, device="cpu", **options),
    )  # fmt: skip


ARRAYS = np.random.default_rng(0).normal(size=(2, 3, 4)).astype(np.float32)
EXPRESSIONS = [
    lambda a, b: a + b, lambda a, b: a - b, lambda a, b: a * b, lambda a, b: a / b,
    lambda a, b: 2 + a, lambda a, b: 2 - a, lambda a, b: 3 * b, lambda a, b: 1 / b,
    lambda a, b: -a, lambda a, b: b**3, lambda a, b: b**0.5, lambda a, b: a @ b.T,
    lambda a, b: a.reshape(2, 6), lambda a, b: a.reshape(-1), lambda a, b: a.reshape((4, -1)),
    lambda a, b: a.sum(), lambda a, b: a.sum(axis=0), lambda a, b: a.sum(axis=1),
    lambda a, b: a.sum(axis=-1, keepdims=True), lambda a, b: a.mean(axis=0, keepdims=True),
    lambda a, b: a.mean(), lambda a, b: a.mean(axis=1), lambda a, b: a.sum(keepdims=True),
    lambda a, b: a + b[0], lambda a, b: a * b[:, :1], lambda a, b: a.reshape(-1).sum(axis=0),
]  # fmt: skip


@pytest.mark.parametrize("number", range(len(EXPRESSIONS)))
def test_variables_compute_as_arrays_do(number: int) -> None:
    a, b = ARRAYS[0], np.abs(ARRAYS[1]) + 0.5
    expected = EXPRESSIONS[number](a, b)
    got = EXPRESSIONS[number](nn.Variable(a), nn.Variable(b))
    assert isinstance(got, nn.Variable)
    assert got.shape == np.shape(expected)
    np.testing.assert_allclose(got.numpy(), expected, rtol=1e-5)


def test_arrays_and_variables_mix() -> None:
    x = nn.Variable(ARRAYS[0])
    for result in (x + ARRAYS[1], ARRAYS[1] + x):
        assert isinstance(result, nn.Variable)
        np.testing.assert_array_equal(result, ARRAYS[0] + ARRAYS[1])
    np.testing.assert_allclose((ARRAYS[0].T @ x).numpy(), ARRAYS[0].T @ ARRAYS[0], rtol=1e-5)


def test_variables_are_read_as_arrays() -> None:
    x = nn.Variable(ARRAYS)
    assert (x.shape, x.ndim, x.size, len(x), x.device) == ((2, 3, 4), 3, 24, 2, "cpu")
    np.testing.assert_array_equal(np.asarray(x), ARRAYS)
    np.testing.assert_array_equal(x[1, ..., 2], ARRAYS[1, ..., 2])
    np.testing.assert_array_equal(list(x), ARRAYS)
    assert np.asarray(x, np.float64).dtype == np.float64
    assert float(nn.Variable(2.5)) == nn.Variable([[2.5]]).item() == 2.5
    assert not x.data.flags.writeable
    assert repr(x) == "Variable(shape=(2, 3, 4), device='cpu')"


def test_gradients_have_the_variables_shapes() -> None:
    x = nn.Variable(ARRAYS, requires_grad=True)
    b = nn.Parameter(np.zeros(4), device="cpu")
    (x.reshape(6, 4) + b).reshape(2, 3, 4).sum().backward()
    assert (x.grad.shape, b.grad.shape) == ((2, 3, 4), (4,))
    np.testing.assert_array_equal(b.grad, np.full(4, 6.0))
    b.grad = np.ones(4)
    np.testing.assert_array_equal(b.grad, np.ones(4))
    (g,) = nn.grad((x * x).reshape(24), [x], np.ones(24))
    np.testing.assert_allclose(g, 2 * ARRAYS)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda x: x + np.ones((5, 4)), ValueError, r"\[add\] shapes \(3, 4\) and \(5, 4\)"),
        (lambda x: x @ x, ValueError, r"\[matmul\] shapes \(3, 4\) and \(3, 4\) do not fit"),
        (lambda x: x.reshape(5, 5), ValueError, r"\[reshape\] \(3, 4\) cannot take"),
        (lambda x: x.sum(axis=2), ValueError, r"\[sum\] axis 2"),
        (lambda x: x.backward(), ValueError, r"\[backward\] a value of shape \(3, 4\) needs"),
        (lambda x: x.backward(np.ones(3)), ValueError, r"gradient must have shape \(3, 4\)"),
        (lambda x: x.item(), ValueError, r"\[item\] a variable of shape \(3, 4\) is no number"),
        (lambda x: x.sum().T, ValueError, r"\[T\] a matrix is needed"),
        (lambda x: len(x.sum()), TypeError, r"\[len\]"),
        (lambda x: x**-1, ValueError, r"\[Variable\] power must be at least 1"),
        (lambda x: x + np.nan, ValueError, r"\[add\] operand must be finite"),
        (lambda x: x + "a", TypeError, r"\[add\] operand must hold real numbers"),
        (lambda x: setattr(x, "data", np.ones(3)), ValueError, r"data must have shape \(3, 4\)"),
        (lambda x: setattr(x, "grad", np.ones(3)), ValueError, r"grad must have shape \(3, 4\)"),
        (lambda x: setattr(x * 2, "data", ARRAYS[0]), ValueError, "no result"),
        (lambda x: nn.Variable(ARRAYS) + ARRAYS[0], ValueError, "beyond two dimensions"),
        (lambda x: nn.Variable([1 + 2j]), TypeError, r"\[Variable\] value must hold real"),
        (lambda x: nn.Variable(1.0, device="tpu"), ValueError, r"device must be"),
        (lambda x: nn.mse_loss(x, x.T), ValueError, r"\[mse_loss\] target must have shape"),
        (lambda x: nn.mse_loss(x, x, reduction="no"), ValueError, r"reduction must be"),
        (lambda x: nn.kl_normal(x, x, x), ValueError, "must be given together"),
    ],
)
def test_variables_refuse(call, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call(nn.Variable(ARRAYS[0], requires_grad=True))


def test_nothing_is_remembered_without_gradients() -> None:
    x = nn.Variable(ARRAYS[0], requires_grad=True)

    @nn.no_grad()
    def double(x: nn.Variable) -> nn.Variable:
        return x * 2

    with nn.no_grad():
        with nn.no_grad():
            pass
        inside = x * 2
    with pytest.raises(ZeroDivisionError), nn.no_grad():
        1 / 0  # noqa: B018
    assert not inside.requires_grad
    assert not double(x).requires_grad
    assert (x * 2).requires_grad
    np.testing.assert_array_equal(inside, 2 * ARRAYS[0])


class Net(nn.Module):
    def __init__(self) -> None:
        self.first = two_layers()
        self.more = [nn.Linear(3, 3, random_state=2, device="cpu")]
        self.by_name = {"scale": nn.Parameter(np.ones(3), device="cpu")}
        self.again = self.first
        self.size = 7

    def forward(self, x):
        return self.more[0](self.first(x)) * self.by_name["scale"]


def test_modules_find_their_parameters_once() -> None:
    net = Net()
    assert [name for name, _ in net.named_parameters()] == [
        "by_name.scale", "first.0.weight", "first.0.bias", "first.2.weight", "first.2.bias",
        "more.0.weight", "more.0.bias",
    ]  # fmt: skip
    assert net.n_parameters == 3 + 4 * 8 + 8 + 8 * 3 + 3 + 9 + 3
    assert len(list(net.modules())) == 6
    assert net(np.ones((5, 4))).shape == (5, 3)
    assert net.device == "cpu"
    assert net.to("cpu") is net


def test_training_mode_reaches_every_module() -> None:
    net = nn.Sequential(nn.Sequential(nn.Dropout(0.5, random_state=0)), nn.Flatten())
    assert all(module.training for module in net.modules())
    assert net.eval() is net
    assert not any(module.training for module in net.modules())
    x = np.ones((4, 6), np.float32)
    np.testing.assert_array_equal(net(x), x)
    drawn = net.train()(x).numpy()
    assert set(np.unique(drawn)) == {0.0, 2.0}
    assert not np.array_equal(drawn, net(x).numpy())


def test_state_goes_out_and_in() -> None:
    a, b = Net(), Net()
    a.first.layers[0].weight.data = np.full((8, 4), 0.5)
    b.load_state_dict(a.state_dict())
    np.testing.assert_array_equal(b.first.layers[0].weight, np.full((8, 4), 0.5))
    state = a.state_dict()
    with pytest.raises(ValueError, match=r"state must have 'by_name.scale'"):
        b.load_state_dict({k: v for k, v in state.items() if k != "by_name.scale"})
    with pytest.raises(ValueError, match=r"there is no parameter 'other'"):
        b.load_state_dict({**state, "other": 1})
    with pytest.raises(ValueError, match=r"more.0.bias must have shape \(3,\), got \(4,\)"):
        b.load_state_dict({**state, "more.0.bias": np.ones(4)})


def test_apply_calls_children_first() -> None:
    seen = []
    net = two_layers()
    assert net.apply(lambda module: seen.append(type(module).__name__)) is net
    assert seen == ["Linear", "Tanh", "Linear", "Sequential"]


def test_summary() -> None:
    net = nn.Sequential(nn.Flatten(), nn.Linear(784, 64, device="cpu"), nn.ReLU(),
                        nn.Linear(64, 784, device="cpu"), nn.Reshape(28, 28))  # fmt: skip
    lines = net.summary((28, 28)).splitlines()
    assert lines[0].split() == ["layer", "kind", "output", "shape", "parameters"]
    assert [line.split()[:2] for line in lines[2:7]] == [
        ["0", "Flatten"], ["1", "Linear"], ["2", "ReLU"], ["3", "Linear"], ["4", "Reshape"],
    ]  # fmt: skip
    assert [line.split()[-1] for line in lines[2:7]] == ["0", "50,240", "0", "50,960", "0"]
    assert "(n, 64)" in lines[3]
    assert "(n, 64)" in lines[4]
    assert "(n, 28, 28)" in lines[6]
    assert lines[-1].split() == ["total", "101,200"]
    assert net.training
    assert all("forward" not in vars(layer) for layer in net.layers)
    assert "(n" not in net.summary()


def test_sequential_fuses_and_computes_the_same() -> None:
    x = ARRAYS[0]
    for activation in (nn.Softplus(), nn.Sigmoid(), nn.Tanh(), nn.ReLU(), nn.LeakyReLU(0.3),
                       nn.ELU(0.5), nn.Identity()):  # fmt: skip
        linear = nn.Linear(4, 5, random_state=3, device="cpu")
        assert _fuses(linear, activation)
        fused = nn.Sequential(linear, activation)(x)
        np.testing.assert_allclose(fused, activation(linear(x)), rtol=1e-6)
    assert not _fuses(linear, nn.Flatten())
    assert not _fuses(linear)
    assert len(nn.Sequential(linear, nn.Tanh())) == 2
    assert nn.Sequential(linear)[0] is linear


@pytest.mark.parametrize(
    ("init", "deviation"),
    [("glorot", np.sqrt(2 / 500)), ("he", np.sqrt(2 / 300)), ("normal", 0.02)],
)
def test_initial_weights(init: str, deviation: float) -> None:
    weight = nn.Linear(300, 200, init=init, random_state=1, device="cpu").weight.numpy()
    n = weight.size
    assert abs(weight.mean()) < 5.5 * deviation / np.sqrt(n)
    assert weight.std() / deviation == pytest.approx(1, abs=5.5 / np.sqrt(2 * n))
    again = nn.Linear(300, 200, init=init, random_state=1, device="cpu").weight.numpy()
    np.testing.assert_array_equal(weight, again)
    if init == "glorot":
        assert np.abs(weight).max() <= np.float32(np.sqrt(6 / 500))


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: nn.Linear(0, 3), ValueError, r"\[Linear\] in_features must be at least 1"),
        (lambda: nn.Linear(3, 3, init="ones"), ValueError, r"\[Linear\] init must be one of"),
        (lambda: two_layers()(np.ones((2, 5))), ValueError, r"x must have shape \(n, 4\), got"),
        (lambda: nn.Dropout(1.0), ValueError, r"\[Dropout\] p must be below 1"),
        (lambda: nn.Flatten()(np.ones(3)), ValueError, r"\[Flatten\] x must have shape"),
        (lambda: nn.Reshape(5)(np.ones((2, 3))), ValueError, r"\[reshape\]"),
        (lambda: nn.Reshape(2.5), TypeError, r"\[Reshape\] shape must be an integer"),
        (lambda: nn.Sequential(np.tanh), TypeError, r"\[Sequential\] layers must be modules"),
        (lambda: nn.ELU(-1), ValueError, r"\[ELU\] alpha must be"),
        (lambda: nn.Module()(1), NotImplementedError, r"\[Module\] forward is not written"),
        (lambda: nn.Adam([1]), TypeError, r"\[Adam\] params must be parameters"),
        (lambda: nn.Adam([]), ValueError, r"there must be a parameter"),
        (lambda: nn.SGD(two_layers().parameters(), lr=-1), ValueError, r"\[SGD\] lr must be"),
        (lambda: nn.Adam([], betas=(1, 0.9)), ValueError, r"\[Adam\] betas must be below 1"),
    ],
)
def test_layers_and_optimisers_refuse(call, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()


@pytest.mark.parametrize("name", ["SGD", "RMSprop", "Adam", "AdamW"])
def test_optimisers_learn(name: str) -> None:
    """The parity of two bits, which no linear model has."""
    net = nn.Sequential(nn.Linear(2, 16, random_state=0, device="cpu"), nn.Tanh(),
                        nn.Linear(16, 1, random_state=1, device="cpu"))  # fmt: skip
    x = np.array([[0, 0], [0, 1], [1, 0], [1, 1]])
    y = np.array([[0], [1], [1], [0]])
    options = {"SGD": {"lr": 0.5, "momentum": 0.9}}.get(name, {"lr": 0.02})
    optimizer = getattr(nn, name)(net.parameters(), **options)
    for _ in range(300):
        optimizer.zero_grad()
        loss = nn.bce_with_logits_loss(net(x), y)
        loss.backward()
        optimizer.step()
    assert loss.item() < 0.1


def test_the_learning_rate_can_change() -> None:
    parameter = nn.Parameter([1.0], device="cpu")
    optimizer = nn.SGD([parameter], lr=0.5)
    for lr, expected in ((0.5, 0.5), (0.25, 0.25), (0.0, 0.25)):
        optimizer.lr = lr
        parameter.grad = np.ones(1)
        optimizer.step()
        assert (optimizer.lr, parameter.item()) == (lr, expected)


def test_a_diverging_step_is_refused() -> None:
    net = two_layers()
    before = net.state_dict()
    for parameter in net.parameters():
        parameter.grad = np.full(parameter.shape, 1e30)
    optimizer = nn.Adam(net.parameters())
    with pytest.raises(DivergenceError, match=r"\[Adam.step\] parameter 0 of shape \(8, 4\) would"):
        optimizer.step()
    for name, value in net.state_dict().items():
        np.testing.assert_array_equal(value, before[name])
    assert optimizer.state_dict()["steps"] == 0


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))])
@pytest.mark.parametrize("name", ["SGD", "RMSprop", "Adam", "AdamW"])
def test_copies_go_on_alike_and_apart(name: str, copied) -> None:
    """A network with its optimiser, in the midst of training."""

    def train(net: nn.Module, optimizer: nn.Optimizer) -> None:
        optimizer.zero_grad()
        nn.mse_loss(net(ARRAYS[0]), np.zeros((3, 3))).backward()
        optimizer.step()

    net = nn.Sequential(nn.Dropout(0.3, random_state=5), *two_layers().layers)
    optimizer = getattr(nn, name)(net.parameters(), lr=0.01)
    train(net, optimizer)
    other_net, other_optimizer = copied((net, optimizer))
    assert type(other_optimizer) is type(optimizer)
    assert all(parameter.requires_grad for parameter in other_net.parameters())
    before = net.state_dict()
    train(other_net, other_optimizer)
    for key, value in net.state_dict().items():
        np.testing.assert_array_equal(value, before[key])
    train(net, optimizer)
    for key, value in net.state_dict().items():
        np.testing.assert_array_equal(value, other_net.state_dict()[key])


@pytest.mark.parametrize("module", ["nn", "nn._variable", "nn._module", "models.vae"])
def test_the_examples_of_the_docstrings_run(module: str) -> None:
    result = doctest.testmod(importlib.import_module(f"gibbslab.{module}"))
    assert result.attempted > 0
    assert result.failed == 0
