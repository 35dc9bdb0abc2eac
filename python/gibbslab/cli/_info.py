"""``gibbslab info``."""

from __future__ import annotations

from argparse import Namespace
from typing import Any

from .._config import show_config
from ..datasets._registry import BINARIZED, ECG5000, LABELLED
from ..datasets._search import locate


def add_command(commands: Any) -> None:
    """Add the command's parser."""
    text = "show what gibbslab runs on and which data sets it finds"
    parser = commands.add_parser("info", help=text, description=text.capitalize() + ".")
    parser.set_defaults(run=run)


def run(options: Namespace) -> None:
    """Print the configuration and where each data set lies."""
    del options
    show_config()
    print("\ndata sets")
    names = ["mnist-sample", "digits", "mnist", "fashion-mnist", "binarized-mnist", "ecg5000"]
    width = max(map(len, names))
    for name in names:
        print(f"  {name:<{width}}  {_where(name)}")
    print("GIBBSLAB_DATA_DIR names the folder to look in; what is not found can be downloaded")
    print('with pip install "gibbslab[data]".')


def _files(name: str) -> list[Any]:
    if name == "binarized-mnist":
        return list(BINARIZED.values())
    if name == "ecg5000":
        return list(ECG5000.values())
    return [file for split in ("train", "test") for file in LABELLED[name, split]]


def _where(name: str) -> str:
    if name == "digits":
        return "comes with scikit-learn"
    if name == "mnist-sample":
        return "comes with gibbslab"
    try:
        folders = {str(locate(file, None, False, "info").parent) for file in _files(name)}
    except FileNotFoundError:
        return "not found"
    return ", ".join(sorted(folders))
