"""Damaged and hostile IDX, gzip and text files: `FormatError`, quickly, in bounded memory."""

from __future__ import annotations

import gzip
import io
import struct
import subprocess
import sys
import time
import tracemalloc
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import tiny_data
from gibbslab import datasets
from gibbslab.datasets._amat import decode_amat
from gibbslab.datasets._idx import decode_idx, read_idx
from gibbslab.datasets._stream import ByteStream
from gibbslab.errors import FormatError
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

SMALL = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)
PLAIN = tiny_data.encode_idx(SMALL)
PACKED = gzip.compress(PLAIN, mtime=0)
MIB = 1 << 20


def _header(*shape: int, code: int = 8) -> bytes:
    return struct.pack(f">BBBB{len(shape)}I", 0, 0, code, len(shape), *shape)


def _bomb(header: bytes) -> bytes:
    """gzip file of `header` and 256 MiB of zeros, a thousandth of that in size."""
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    parts = [packer.compress(header)]
    parts += [packer.compress(bytes(MIB)) for _ in range(256)]
    return b"".join([*parts, packer.flush()])


HOSTILE = {
    "empty": b"",
    "one byte": b"\0",
    "text": b"not an IDX file\n",
    "pickle": b"\x80\x04\x95\x10\x00\x00\x00\x00\x00\x00\x00\x8c\x05posix\x94.",
    "unknown type": _header(4, code=0x0A) + bytes(4),
    "no dimension": _header() + b"\0",
    "255 dimensions": bytes([0, 0, 8, 255]) + struct.pack(">I", 1) * 255 + b"\0",
    "9 dimensions": _header(*[1] * 9) + b"\0",
    "zero size": _header(0, 28, 28),
    "zero size among huge ones": _header(0, *[2**32 - 1] * 4),
    "product wraps 32 bits to 1": _header(0x00010001, 0xFFFF0001) + b"\0",
    "product wraps 64 bits to 0": _header(*[2**16] * 4) + bytes(16),
    "largest possible": _header(*[2**32 - 1] * 8, code=0x0E) + bytes(64),
    "claims 1 GiB": _header(2**30) + bytes(64),
    "claims 1 GiB, packed": gzip.compress(_header(2**30) + bytes(64)),
    "one byte short": PLAIN[:-1],
    "one byte long": PLAIN + b"\0",
    "one byte long, packed": gzip.compress(PLAIN + b"\0"),
    "gzip magic only": b"\x1f\x8b",
    "gzip of nothing": gzip.compress(b""),
    "gzip in gzip": gzip.compress(PACKED),
    "garbage after gzip": PACKED + b"\0",
    "second gzip member": PACKED + gzip.compress(b""),
    "many gzip members": gzip.compress(b"") * 50_000,
    "gzip name without end": b"\x1f\x8b\x08\x08" + bytes(6) + b"n" * MIB,
    "wrong gzip checksum": PACKED[:-8] + bytes(4) + PACKED[-4:],
    "wrong gzip length": PACKED[:-4] + bytes(4),
    "gzip bomb behind a small header": _bomb(_header(28, 28)),
    "gzip bomb behind a huge header": _bomb(_header(2**31)),
    "gzip bomb of zeros": _bomb(b""),
}


def _decode(content: bytes) -> np.ndarray:
    return decode_idx(ByteStream(io.BytesIO(content), "[test]"))


# ---- hostile files --------------------------------------------------------------------------


@pytest.mark.parametrize("case", HOSTILE)
def test_hostile_file_is_refused_by_name(tmp_path: Path, case: str) -> None:
    path = tmp_path / "hostile.gz"
    path.write_bytes(HOSTILE[case])
    with pytest.raises(FormatError) as caught:
        read_idx(path)
    assert str(caught.value).startswith(f"[read_idx] {path}: ")


@pytest.mark.parametrize("case", HOSTILE)
def test_hostile_file_is_refused_within_10_ms(case: str) -> None:
    seconds = []
    for _ in range(9):
        start = time.perf_counter()
        with pytest.raises(FormatError):
            _decode(HOSTILE[case])
        seconds.append(time.perf_counter() - start)
    assert np.median(seconds) < 0.010


@pytest.mark.parametrize("case", HOSTILE)
def test_hostile_file_uses_little_memory(case: str) -> None:
    tracemalloc.start()
    try:
        with pytest.raises(FormatError):
            _decode(HOSTILE[case])
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 2 * MIB


def test_hostile_files_are_refused_under_optimisation(tmp_path: Path) -> None:
    """``python -O`` removes assert statements; no check may depend on them."""
    for number, content in enumerate(HOSTILE.values()):
        (tmp_path / str(number)).write_bytes(content)
    program = (
        "import sys, pathlib\n"
        "from gibbslab.datasets import read_idx\n"
        "from gibbslab.errors import FormatError\n"
        "refused = 0\n"
        "for path in pathlib.Path(sys.argv[1]).iterdir():\n"
        "    try:\n"
        "        read_idx(path)\n"
        "    except FormatError:\n"
        "        refused += 1\n"
        "sys.stdout.write(f'{sys.flags.optimize} {refused}')\n"
    )
    command = [sys.executable, "-O", "-c", program, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
    assert done.stdout == f"1 {len(HOSTILE)}"


def test_bomb_within_the_limit_costs_no_more_than_the_limit() -> None:
    bomb = _bomb(_header(16, MIB))
    tracemalloc.start()
    try:
        with pytest.raises(FormatError, match="longer than its header"):
            decode_idx(ByteStream(io.BytesIO(bomb), "[test]"), max_bytes=16 * MIB)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 20 * MIB


def test_max_bytes_is_inclusive(tmp_path: Path) -> None:
    path = tmp_path / "small"
    path.write_bytes(PLAIN)
    np.testing.assert_array_equal(read_idx(path, max_bytes=24), SMALL)
    with pytest.raises(FormatError, match=r"shape \(2, 3, 4\) needs 24 bytes, expected 1 to 23"):
        read_idx(path, max_bytes=23)


def test_missing_file_is_an_os_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read_idx(tmp_path / "absent")


# ---- every cut and every flip ---------------------------------------------------------------


@pytest.mark.parametrize("content", [PLAIN, PACKED], ids=["plain", "packed"])
def test_every_cut_is_refused(content: bytes) -> None:
    np.testing.assert_array_equal(_decode(content), SMALL)
    for length in range(len(content)):
        with pytest.raises(FormatError):
            _decode(content[:length])


@pytest.fixture
def mnist_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Path]:
    with tiny_data.isolated(monkeypatch, tmp_path):
        yield tiny_data.write(tmp_path / "mnist", "mnist")


def test_every_flipped_bit_of_a_plain_file_is_refused(mnist_folder: Path) -> None:
    path = mnist_folder / "t10k-labels-idx1-ubyte"
    content = path.read_bytes()
    for position in range(8 * len(content)):
        flipped = bytearray(content)
        flipped[position // 8] ^= 1 << position % 8
        path.write_bytes(flipped)
        with pytest.raises(FormatError):
            datasets.load_mnist("test", data_dir=mnist_folder, download=False)


def test_every_flipped_bit_of_a_packed_file_is_refused_or_harmless() -> None:
    """Flips of the time stamp, the system and the like leave the content as it is."""
    harmless = 0
    for position in range(8 * len(PACKED)):
        flipped = bytearray(PACKED)
        flipped[position // 8] ^= 1 << position % 8
        try:
            array = _decode(bytes(flipped))
        except FormatError:
            continue
        harmless += 1
        np.testing.assert_array_equal(array, SMALL)
    assert harmless <= 8 * 7


# ---- any content ----------------------------------------------------------------------------


@settings(derandomize=True, max_examples=300, deadline=None)
@given(
    array=st.sampled_from(sorted(tiny_data.CODES)).flatmap(
        lambda code: hnp.arrays(code, hnp.array_shapes(max_dims=5, max_side=6))
    ),
    packed=st.booleans(),
)
def test_round_trip(array: np.ndarray, packed: bool) -> None:
    content = tiny_data.encode_idx(array)
    back = _decode(gzip.compress(content) if packed else content)
    assert back.dtype == array.dtype
    assert back.dtype.isnative
    assert back.shape == array.shape
    assert back.tobytes() == array.tobytes()


@settings(derandomize=True, max_examples=2_000, deadline=None)
@given(
    prefix=st.sampled_from([b"", b"\0\0", b"\0\0\x08\x01", b"\0\0\x08\x01\0\0\0", PACKED[:10]]),
    rest=st.binary(max_size=64),
    packed=st.booleans(),
)
def test_any_bytes_are_decoded_or_refused(prefix: bytes, rest: bytes, packed: bool) -> None:
    content = prefix + rest
    try:
        array = _decode(gzip.compress(content) if packed else content)
    except FormatError:
        return
    if packed or not content.startswith(b"\x1f\x8b"):
        assert tiny_data.encode_idx(array) == content


# ---- the text format ------------------------------------------------------------------------

BITS = np.arange(12, dtype=np.uint8).reshape(3, 4) % 2
TEXT = tiny_data.encode_amat(BITS)


def _decode_text(content: bytes) -> np.ndarray:
    return decode_amat(ByteStream(io.BytesIO(content), "[test]"), 3, 4)


def test_text_round_trip() -> None:
    np.testing.assert_array_equal(_decode_text(TEXT), BITS)
    np.testing.assert_array_equal(_decode_text(gzip.compress(TEXT)), BITS)


def test_every_other_byte_in_the_text_is_refused() -> None:
    for position, original in enumerate(TEXT):
        allowed = b"01" if position % 2 == 0 else bytes([original])
        for value in range(256):
            if value in allowed:
                continue
            changed = TEXT[:position] + bytes([value]) + TEXT[position + 1 :]
            with pytest.raises(FormatError):
                _decode_text(changed)


def test_text_error_names_line_and_column() -> None:
    with pytest.raises(FormatError, match="at line 2, column 3"):
        _decode_text(TEXT[:12] + b"7" + TEXT[13:])


@pytest.mark.parametrize("content", [TEXT[:-1], TEXT + b"\n", b""])
def test_text_of_another_length_is_refused(content: bytes) -> None:
    with pytest.raises(FormatError):
        _decode_text(content)
