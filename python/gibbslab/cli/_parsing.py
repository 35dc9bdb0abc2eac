"""What the commands' parsers have in common."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import Any, NoReturn

from .._validation import as_integer


class UsageError(ValueError):
    """The command line is wrong; the message is one line."""


class Interrupted(KeyboardInterrupt):
    """Ctrl-C, with a line that says what was saved."""


class HelpFormatter(argparse.HelpFormatter):
    """Adds the default to the help of every option that has one."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, max_help_position=32, width=min(96, _terminal_width()))

    def _get_help_string(self, action: argparse.Action) -> str | None:
        text, default = action.help or "", action.default
        quiet = default is None or default is argparse.SUPPRESS or action.nargs == 0
        return text if quiet or "(default" in text else f"{text} (default: %(default)s)"


def _terminal_width() -> int:
    try:
        return os.get_terminal_size().columns
    except OSError:
        return 96


class Parser(argparse.ArgumentParser):
    """An `ArgumentParser` whose errors are exceptions, and which takes no abbreviations."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"formatter_class": HelpFormatter, "allow_abbrev": False, **options})

    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{message} (see {self.prog} --help)")


def whole(minimum: int = 1, maximum: int = 2**63 - 1) -> Any:
    """An argument type: a whole number in that range."""

    def parse(text: str) -> int:
        try:
            return as_integer(int(text), "value", "command line", minimum, maximum)
        except ValueError:
            raise argparse.ArgumentTypeError(_expected(minimum, maximum, text)) from None

    return parse


def _expected(minimum: int, maximum: int, text: str) -> str:
    most = f" and at most {maximum}" if maximum < 2**63 - 1 else ""
    return f"expected a whole number of at least {minimum}{most}, got {text!r}"


def real(minimum: float = 0.0, *, above: bool = False) -> Any:
    """An argument type: a finite number of at least, or above, `minimum`."""

    def parse(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = float("nan")
        if not (value > minimum if above else value >= minimum) or value == float("inf"):
            bound = "above" if above else "of at least"
            raise argparse.ArgumentTypeError(f"expected a number {bound} {minimum:g}, got {text!r}")
        return value

    return parse


def add_machine_options(parser: argparse.ArgumentParser) -> None:
    """--seed and --n-threads."""
    parser.add_argument(
        "--seed",
        type=whole(0, 2**64 - 1),
        default=0,
        metavar="N",
        help="seed of every random draw (default: 0)",
    )
    parser.add_argument(
        "--n-threads",
        type=whole(1, 1024),
        metavar="N",
        help="threads to use at most; all that are allowed if not given; results do not depend "
        "on it",
    )


def add_data_options(parser: argparse.ArgumentParser, split: str) -> None:
    """--data and how to read it."""
    parser.add_argument(
        "--data",
        required=True,
        metavar="NAME|FILE",
        help="mnist, mnist-sample, fashion-mnist, binarized-mnist, digits, or a file: .npy, .npz "
        "(its array X, or its only one) or .csv (comma-separated, no names of columns); one image "
        "in a row; values in [0, 1], or integers 0 to 255, which are divided by 255",
    )
    parser.add_argument(
        "--split",
        choices=("train", "valid", "test", "all"),
        default=split,
        help="part of a named data set; valid: binarized-mnist only; digits: train is the first "
        "1437 images, test the last 360; without effect on a file",
    )
    parser.add_argument(
        "--data-dir",
        metavar="DIR",
        help="folder to look for a named data set in first; then GIBBSLAB_DATA_DIR, the cache, "
        "the system's folder, download",
    )
    parser.add_argument(
        "--n-samples", type=whole(), metavar="N", help="use the first N rows only; all by default"
    )


def output_file(text: str) -> Path:
    """An argument type: a file to write, in a folder that is there."""
    path = Path(text)
    if path.is_dir():
        raise argparse.ArgumentTypeError(f"{text} is a folder")
    if not path.parent.is_dir():
        raise argparse.ArgumentTypeError(f"folder {path.parent} does not exist")
    if not os.access(path.parent, os.W_OK):
        raise argparse.ArgumentTypeError(f"folder {path.parent} is not writable")
    return path


def input_file(text: str) -> Path:
    """An argument type: a file that is there."""
    path = Path(text)
    if not path.is_file():
        raise argparse.ArgumentTypeError(f"{text}: no such file")
    return path
