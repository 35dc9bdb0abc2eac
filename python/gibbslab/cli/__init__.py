"""The command line: ``gibbslab info | demo | train | sample | evaluate``."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from ..errors import DivergenceError
from . import _demo, _evaluate, _info, _sample, _train
from ._parsing import Interrupted, Parser

__all__ = ["main"]

EXIT_ERROR, EXIT_INTERRUPTED = 2, 130

DESCRIPTION = "Train, sample, measure and draw restricted Boltzmann machines."
EPILOG = (
    "gibbslab COMMAND --help tells more. Exit status: 0 done, 2 an error, told in one line on "
    "standard error, 130 interrupted by Ctrl-C."
)


def build_parser() -> Parser:
    """The parser of all commands."""
    from .. import __version__

    parser = Parser(prog="gibbslab", description=DESCRIPTION, epilog=EPILOG)
    parser.add_argument("--version", action="version", version=f"gibbslab {__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", dest="command", required=True)
    for module in (_info, _demo, _train, _sample, _evaluate):
        module.add_command(commands)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command.

    Parameters
    ----------
    argv : sequence of str, optional
        Arguments without the program's name; ``sys.argv[1:]`` by default.

    Returns
    -------
    int
        Exit status: 0 done; 2 for an error, told in one line on standard error; 130 after Ctrl-C.
    """
    try:
        options = build_parser().parse_args(argv)
        options.run(options)
    except SystemExit as stop:  # --help and --version
        return int(stop.code or 0)
    except KeyboardInterrupt as interrupt:
        told = str(interrupt) if isinstance(interrupt, Interrupted) else "interrupted"
        return _tell(told, EXIT_INTERRUPTED)
    except (ValueError, TypeError, OSError, ImportError, MemoryError, DivergenceError) as error:
        return _tell(f"error: {_message(error)}", EXIT_ERROR)
    return 0


def _message(error: BaseException) -> str:
    """One line, whatever the exception holds."""
    if isinstance(error, OSError) and error.strerror and error.filename:
        return f"{error.filename}: {error.strerror}"
    return " ".join(str(error).split()) or type(error).__name__


def _tell(text: str, status: int) -> int:
    print(f"gibbslab: {text}", file=sys.stderr)
    return status
