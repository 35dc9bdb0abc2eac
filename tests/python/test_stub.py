"""The type stub of the extension says what the extension has: names, parameters, defaults."""

from __future__ import annotations

import ast
import inspect
import types
from pathlib import Path
from typing import Any

import gibbslab
import pytest
from gibbslab import _core

STUBS = Path(gibbslab.__file__).parent / "_core"
# What every pybind11 class carries.
PLUMBING = {"_pybind11_conduit_v1_"}

Members = dict[str, Any]


def parameters(node: ast.FunctionDef, bound: bool) -> list[tuple[str, str | None]]:
    """Names of the parameters with the source of their defaults, without ``self``."""
    args = node.args.posonlyargs + node.args.args + node.args.kwonlyargs
    found = [None if d is None else ast.unparse(d) for d in node.args.kw_defaults]
    given = [ast.unparse(d) for d in node.args.defaults]
    defaults = [None] * (len(args) - len(given) - len(found)) + given + found
    return list(zip([a.arg for a in args], defaults, strict=True))[bound:]


def ours(name: str) -> bool:
    """Whether a class's member is compared: protocols carry no signatures of the module's own."""
    return name == "__init__" or not name.startswith("__")


def stub_function(node: ast.FunctionDef, in_class: bool) -> object:
    decorators = {ast.unparse(d) for d in node.decorator_list}
    if "property" in decorators:
        return "read-only"
    bound = in_class and "staticmethod" not in decorators
    return parameters(node, bound)


def stub_members(body: list[ast.stmt], in_class: bool = False) -> Members:
    members: Members = {}
    for node in body:
        if isinstance(node, ast.FunctionDef) and (not in_class or ours(node.name)):
            members[node.name] = stub_function(node, in_class)
        elif isinstance(node, ast.ClassDef):
            members[node.name] = stub_members(node.body, in_class=True)
        elif isinstance(node, ast.AnnAssign) and ast.unparse(node.annotation) != "TypeAlias":
            assert isinstance(node.target, ast.Name)
            members[node.target.id] = "value"
    return members


def stub_body(text: str) -> list[ast.stmt]:
    """What a stub declares, with the parts of it that lie in files of their own: `_name.pyi`."""
    body = ast.parse(text).body
    taken = [n.module or "" for n in body if isinstance(n, ast.ImportFrom) and n.level == 1]
    parts = dict.fromkeys(name for name in taken if name.startswith("_"))
    return body + [
        node for name in parts for node in stub_body((STUBS / f"{name}.pyi").read_text())
    ]


def runtime_function(function: Any, bound: bool) -> object:
    """pybind11 writes the signature into the first line of the docstring."""
    signature = function.__doc__.splitlines()[0]
    node = ast.parse(f"def {signature}: ...").body[0]
    assert isinstance(node, ast.FunctionDef)
    return parameters(node, bound)


def runtime_class(cls: type) -> Members:
    members: Members = {}
    for name, member in vars(cls).items():
        if name in PLUMBING or not ours(name):
            continue
        if isinstance(member, types.WrapperDescriptorType):  # of a class without a constructor
            continue
        if isinstance(member, property):
            members[name] = "value" if member.fset else "read-only"
        else:
            members[name] = runtime_function(
                getattr(cls, name), not isinstance(member, staticmethod)
            )
    return members


def runtime_members(module: types.ModuleType) -> Members:
    members: Members = {}
    for name, member in vars(module).items():
        if (name.startswith("__") and name != "__version__") or inspect.ismodule(member):
            continue
        if inspect.isclass(member):
            members[name] = runtime_class(member)
        else:
            members[name] = runtime_function(member, False) if callable(member) else "value"
    return members


@pytest.mark.parametrize(
    ("module", "stub"), [(_core, "__init__.pyi"), (_core.ops, "ops.pyi"), (_core.nn, "nn.pyi")]
)
def test_stub_matches_the_extension(module: types.ModuleType, stub: str) -> None:
    assert stub_members(stub_body((STUBS / stub).read_text())) == runtime_members(module)


def test_submodules_have_stubs() -> None:
    submodules = {name for name, member in vars(_core).items() if inspect.ismodule(member)}
    assert {path.stem for path in STUBS.glob("[!_]*.pyi")} == submodules


def test_a_stale_stub_is_seen() -> None:
    current = runtime_members(_core)
    for old, new in (
        ("first_row: int = 0", "first_row: int = 1"),
        ("def cd_pass", "def cd_passes"),
        ("    n_chains: int\n", ""),
        ("def rows(self)", "def row(self)"),
    ):
        text = (STUBS / "__init__.pyi").read_text()
        assert old in text
        assert stub_members(stub_body(text.replace(old, new, 1))) != current


def test_package_is_typed() -> None:
    assert (STUBS.parent / "py.typed").is_file()
