"""Damaged and hostile model files: they load, or raise `FormatError`, in bounded memory."""

from __future__ import annotations

import contextlib
import json
import os
import pickle
import struct
import time
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gibbslab
import numpy as np
import pytest
from gibbslab import FormatError
from hypothesis import given, settings
from hypothesis import strategies as st
from model_files import (
    FILES,
    assert_usable,
    header_of,
    joined,
    model_of,
    parts,
    sealed,
    with_header,
)

MIB = 1 << 20


def loads_or_is_refused(content: bytes) -> bool:
    """Whether it loads; anything but a usable model and `FormatError` fails the test."""
    try:
        model = model_of(content)
    except FormatError as error:
        if not str(error).startswith(("[load]", "[test]")):
            raise AssertionError(f"unexpected message: {error}") from error
        return False
    assert_usable(model)
    return True


@pytest.fixture(params=FILES)
def content(request: pytest.FixtureRequest) -> bytes:
    return FILES[request.param]()


# ---- every cut and every flip ---------------------------------------------------------------


def test_whole_files_load(content: bytes) -> None:
    assert loads_or_is_refused(content)
    assert sealed(content) == content
    metadata, table, data = parts(content)
    assert loads_or_is_refused(joined(metadata, table, data))


def test_every_cut_is_refused(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "cut"
    path.write_bytes(content)
    for length in range(len(content) - 1, -1, -1):
        os.truncate(path, length)
        with pytest.raises(FormatError):
            gibbslab.load(path)


def test_every_added_byte_is_refused(content: bytes) -> None:
    for more in (b"\0", b" ", content):
        with pytest.raises(FormatError):
            model_of(content + more)


def test_every_flipped_bit_is_refused(content: bytes) -> None:
    for position in range(8 * len(content)):
        with pytest.raises(FormatError):
            model_of(flipped(content, position))


def flipped(content: bytes, position: int) -> bytes:
    out = bytearray(content)
    out[position // 8] ^= 1 << position % 8
    return bytes(out)


def test_a_flipped_bit_under_a_fitting_checksum_is_harmless(content: bytes) -> None:
    """What the checksum cannot see, the checks of the fields must."""
    loaded = sum(
        loads_or_is_refused(sealed(flipped(content, position)))
        for position in range(8 * (8 + len(header_of(content)[0])))
    )
    assert 0 < loaded < 4 * len(content)


# ---- every field replaced -------------------------------------------------------------------

VALUES: list[Any] = [
    None, True, False, -1, 0, 1, 2, 3, 2**31, 2**53, 2**63, 2**64 - 1, 2**64, 0.5, -0.0, 1e-320,
    1e308, -1e308, "", "x", "cpu", "\ud800", "\0", [], [0], [None], [[]], ["a", "b", "c"], {},
    {"schedule": "linear"}, {"schedule": "steps", "values": [1, 2], "epochs": 3}, {"a": {"b": []}},
]  # fmt: skip


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every place in a JSON value."""
    yield path
    if isinstance(value, dict):
        for name in value:
            yield from places(value[name], (*path, name))
    if isinstance(value, list):
        for index in range(len(value)):
            yield from places(value[index], (*path, index))


def replaced(value: Any, path: tuple[Any, ...], new: Any) -> Any:
    if not path:
        return new
    out = dict(value) if isinstance(value, dict) else list(value)
    out[path[0]] = replaced(value[path[0]], path[1:], new)
    return out


def test_every_metadata_field_with_every_value(content: bytes) -> None:
    metadata, table, data = parts(content)
    tried = loaded = 0
    for path in places(metadata):
        for value in VALUES:
            tried += 1
            loaded += loads_or_is_refused(joined(replaced(metadata, path, value), table, data))
    assert tried > 300
    assert 0 < loaded < tried / 2


def test_every_table_entry_with_every_value(content: bytes) -> None:
    metadata, table, data = parts(content)
    for path in places(table):
        if not path:
            continue
        for value in VALUES:
            new = replaced(table, path, value)
            assert loads_or_is_refused(joined(metadata, new, data)) == (repr(new) == repr(table))


def test_every_field_missing_or_twice_is_refused(content: bytes) -> None:
    metadata, table, data = parts(content)
    for path in places(metadata):
        if not path or not isinstance(path[-1], str) or "history" in path or path[0] == "gibbslab":
            continue
        inner = metadata
        for name in path[:-1]:
            inner = inner[name]
        without = replaced(metadata, path[:-1], {k: v for k, v in inner.items() if k != path[-1]})
        with pytest.raises(FormatError):
            model_of(joined(without, table, data))
    text = json.dumps(metadata, separators=(",", ":"))
    with pytest.raises(FormatError, match="twice"):
        model_of(joined(text.replace('"params":', '"params":{},"params":'), table, data))


@pytest.mark.parametrize("name", ["W", "v_bias", "h_bias", "velocity_W", "hidden_activity"])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_weights_that_are_not_finite_are_refused(name: str, value: float) -> None:
    metadata, table, data = parts(FILES["BernoulliRBM"]())
    at = table[name]["data_offsets"][0]
    broken = data[:at] + struct.pack("<f", value) + data[at + 4 :]
    with pytest.raises(FormatError, match=rf"tensor '{name}' must be finite everywhere"):
        model_of(joined(metadata, table, broken))


def test_chains_that_are_not_binary_are_refused() -> None:
    metadata, table, data = parts(FILES["BernoulliRBM"]())
    at = table["chains"]["data_offsets"][0]
    with pytest.raises(FormatError, match=r"tensor 'chains' must be 0 or 1 everywhere"):
        model_of(joined(metadata, table, data[:at] + b"\2" + data[at + 1 :]))


def test_errors_name_file_and_field(tmp_path: Path) -> None:
    metadata, table, data = parts(FILES["BernoulliRBM"]())
    path = tmp_path / "model"
    expected = {
        ("format_version",): r"format_version must be 1, got 9",
        ("class",): r"class must be one of \['AnomalyDetector', 'Autoencoder', .*\], got '9'",
        ("params", "k"): r"params: \[load\] k must be at least 1, got 0",
        ("params", "learning_rate"): r"params: \[load\] learning_rate must be above 0",
        ("state", "epoch"): r"state.epoch must be an integer in 0 ... \d+, got '9'",
        ("state", "dtype"): r"state.dtype must be one of .*, got '9'",
    }
    values = {"format_version": 9, "k": 0, "learning_rate": 0}
    for place, message in expected.items():
        value = values.get(place[-1], "9")
        path.write_bytes(joined(replaced(metadata, place, value), table, data))
        with pytest.raises(FormatError, match=message) as caught:
            gibbslab.load(path)
        assert str(caught.value).startswith(f"[load] {path}: ")


# ---- hostile files --------------------------------------------------------------------------


def header_only(text: bytes) -> bytes:
    return struct.pack("<Q", len(text)) + text


def tensor(shape: list[int], offsets: list[int], dtype: str = "F32") -> dict[str, Any]:
    return {"dtype": dtype, "shape": shape, "data_offsets": offsets}


def table_of(**tensors: Any) -> bytes:
    metadata, _, _ = parts(FILES["RBM"]())
    return joined(metadata, tensors, bytes(24))


HOSTILE = {
    "empty": b"",
    "seven bytes": bytes(7),
    "zeros": bytes(100),
    "pickle": b"\x80\x04\x95\x10\x00\x00\x00\x00\x00\x00\x00\x8c\x05posix\x94.",
    "header of 2^64 - 1 bytes": b"\xff" * 8 + bytes(100),
    "header of 2^63 bytes": struct.pack("<Q", 2**63) + bytes(100),
    "header past the end": struct.pack("<Q", 101) + bytes(100),
    "header of 5 MiB": header_only(b" " * (5 * MIB)),
    "no JSON": header_only(b"\xff" * 100),
    "deep lists": header_only(b"[" * (4 * MIB)),
    "deep objects": header_only(b'{"a":' * (MIB // 2)),
    "many empty lists": header_only(b'{"a":[' + b"[]," * MIB + b"[]]}"),
    "many empty objects": header_only(b'{"a":[' + b"{}," * MIB + b"{}]}"),
    "long integer": header_only(b'{"a":' + b"9" * (2 * MIB) + b"}"),
    "long fraction": header_only(b'{"a":0.' + b"9" * (2 * MIB) + b"}"),
    "infinite number": header_only(b'{"a":1e999}'),
    "NaN": header_only(b'{"a":NaN}'),
    "a list": header_only(b"[]"),
    "no metadata": header_only(b"{}"),
    "other metadata": header_only(b'{"__metadata__":{"format":"pt"}}'),
    "metadata no text": header_only(b'{"__metadata__":{"gibbslab":{}}}'),
    "metadata no JSON": header_only(b'{"__metadata__":{"gibbslab":"}"}}'),
    "half a surrogate": header_only(rb'{"__metadata__":{"gibbslab":"\ud800"}}'),
    "no version": header_only(b'{"__metadata__":{"gibbslab":"{}"}}'),
    "no tensor": table_of(),
    "overlap": table_of(a=tensor([6], [0, 24]), b=tensor([6], [0, 24])),
    "gap": table_of(a=tensor([2], [0, 8]), b=tensor([2], [16, 24])),
    "backwards": table_of(a=tensor([6], [24, 0])),
    "beyond the end": table_of(a=tensor([8], [0, 32])),
    "shape of 2^80": table_of(a=tensor([2**40, 2**40], [0, 24])),
    "shape that wraps": table_of(a=tensor([2**63, 2], [0, 24])),
    "shape of 2^64": table_of(a=tensor([2**62, 1], [0, 2**64])),
    "no dimension": table_of(a=tensor([], [0, 24])),
    "three dimensions": table_of(a=tensor([1, 2, 3], [0, 24])),
    "empty tensor": table_of(a=tensor([0], [0, 0]), b=tensor([6], [0, 24])),
    "unknown dtype": table_of(a=tensor([6], [0, 24], "F33")),
    "other dtype": table_of(a=tensor([3], [0, 24], "F64")),
    "no weights": table_of(a=tensor([6], [0, 24])),
    "flat weights": table_of(W=tensor([6], [0, 24])),
    "byte weights": table_of(W=tensor([4, 6], [0, 24], "U8")),
    "weights alone": table_of(W=tensor([2, 3], [0, 24])),
    "many tensors": table_of(**{str(i): tensor([1], [0, 4]) for i in range(20_000)}),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_hostile_file_is_refused_by_name(case: str, tmp_path: Path) -> None:
    path = tmp_path / "hostile"
    path.write_bytes(HOSTILE[case])
    with pytest.raises(FormatError) as caught:
        gibbslab.load(path)
    assert str(caught.value).startswith(f"[load] {path}: ")


@pytest.mark.parametrize("case", HOSTILE)
def test_hostile_file_uses_bounded_memory_and_time(case: str, tmp_path: Path) -> None:
    """The bound that is published: three times the file, plus 128 MiB."""
    path = tmp_path / "hostile"
    path.write_bytes(HOSTILE[case])
    tracemalloc.start()
    start = time.perf_counter()
    try:
        with pytest.raises(FormatError):
            gibbslab.load(path)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 3 * len(HOSTILE[case]) + 128 * MIB
    assert time.perf_counter() - start < 30


def test_parameters_do_not_decide_what_is_allocated() -> None:
    """A petabyte of chains or units is refused for want of the tensors."""
    metadata, table, data = parts(FILES["BernoulliRBM"]())
    for name in ("n_chains", "batch_size", "n_components", "n_threads", "k", "n_iter"):
        changed = replaced(metadata, ("params", name), 10**15)
        tracemalloc.start()
        loads_or_is_refused(joined(changed, table, data))
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < MIB


def test_a_sparse_file_of_a_terabyte_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "sparse"
    metadata, _, _ = parts(FILES["RBM"]())
    size = 1 << 40
    header, _ = header_of(joined(metadata, {"W": tensor([1 << 19, 1 << 19], [0, size])}, b""))
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(header)) + header)
        with contextlib.suppress(OSError):  # where the file system cannot, it is short instead
            file.truncate(8 + len(header) + size)
    with pytest.raises(FormatError, match=r"at most|must end at"):
        gibbslab.load(path)


def test_the_largest_file_can_be_chosen(tmp_path: Path) -> None:
    path = tmp_path / "model"
    path.write_bytes(FILES["RBM"]())
    size = path.stat().st_size
    assert_usable(gibbslab.load(path, max_bytes=size))
    with pytest.raises(FormatError, match=rf"at most {size - 1} bytes, got {size}"):
        gibbslab.load(path, max_bytes=size - 1)


def test_no_pickle_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise AssertionError("a pickle was read")

    for name in ("load", "loads", "Unpickler"):
        monkeypatch.setattr(pickle, name, refuse)
    for name, file in FILES.items():
        (tmp_path / name).write_bytes(file())
        assert_usable(gibbslab.load(tmp_path / name))


# ---- any content ----------------------------------------------------------------------------


@settings(derandomize=True, max_examples=1_000, deadline=None)
@given(
    st.binary(max_size=100), st.sampled_from([b"", b"\x10\0\0\0\0\0\0\0", b"\2\0\0\0\0\0\0\0{}"])
)
def test_any_bytes_are_refused(rest: bytes, prefix: bytes) -> None:
    assert not loads_or_is_refused(prefix + rest)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=8,
)


@settings(derandomize=True, max_examples=300, deadline=None)
@given(header=JSON, data=st.binary(max_size=16))
def test_any_header_is_refused(header: Any, data: bytes) -> None:
    assert not loads_or_is_refused(with_header(json.dumps(header).encode(), data))


@settings(derandomize=True, max_examples=300, deadline=None)
@given(data=st.data(), kind=st.sampled_from(sorted(FILES)))
def test_any_change_of_the_metadata(data: Any, kind: str) -> None:
    metadata, table, tensors = parts(FILES[kind]())
    path = data.draw(st.sampled_from(sorted(places(metadata), key=str)))
    loads_or_is_refused(joined(replaced(metadata, path, data.draw(JSON)), table, tensors))
