"""The one door to matplotlib."""

from __future__ import annotations

from typing import Any


def require_matplotlib(operation: str) -> None:
    """Raise an `ImportError` that says what to install, unless matplotlib is there."""
    try:
        import matplotlib  # noqa: F401
    except ImportError as error:
        raise ImportError(
            f"[{operation}] needs matplotlib, which could not be imported ({error}): "
            'pip install "gibbslab[plot]"'
        ) from error


def axes_for(ax: Any, figsize: tuple[float, float], operation: str) -> Any:
    """`ax` itself, or the Axes of a new figure of that size in inches."""
    require_matplotlib(operation)
    if ax is not None:
        return ax
    import matplotlib.pyplot as plt

    return plt.subplots(figsize=figsize, layout="constrained")[1]
