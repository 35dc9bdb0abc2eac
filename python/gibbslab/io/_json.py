"""JSON from anywhere, read in bounded time and memory."""

from __future__ import annotations

import json
import math
from typing import Any

from ..errors import FormatError

__all__ = ["MAX_JSON_BYTES", "parse_json"]

MAX_JSON_BYTES = 4 << 20


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    out = dict(pairs)
    if len(out) != len(pairs):
        raise ValueError("a name occurs twice")
    return out


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError("a number is too large")
    return value


def _integer(text: str) -> int:
    if len(text) > 20:
        raise ValueError("an integer is too large")
    return int(text)


def _constant(text: str) -> float:
    raise ValueError(f"{text} is not JSON")


def parse_json(content: bytes, where: str) -> dict[str, Any]:
    """The JSON object in `content`.

    Parameters
    ----------
    content : bytes
        UTF-8, at most 4 MiB, names unique, numbers finite, integers of at most 20 characters.
    where : str
        File and field, for messages.

    Returns
    -------
    dict

    Raises
    ------
    FormatError
        If it is anything else.
    """
    if len(content) > MAX_JSON_BYTES:
        raise FormatError(f"{where} must have at most {MAX_JSON_BYTES} bytes, got {len(content)}")
    try:
        value = json.loads(
            content.decode("utf-8"),
            object_pairs_hook=_unique,
            parse_float=_finite,
            parse_int=_integer,
            parse_constant=_constant,
        )
    except (ValueError, RecursionError) as error:  # the parser counts its levels
        raise FormatError(f"{where} is not the JSON expected: {error}") from None
    if not isinstance(value, dict):
        raise FormatError(f"{where} must be a JSON object, got {type(value).__name__}")
    return value
