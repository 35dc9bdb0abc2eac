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


def panels_for(
    ax: Any, count: int, columns: int, size: tuple[float, float], operation: str, **options: Any
) -> list[Any]:
    """`count` Axes: those given, or of a new figure with so many columns, `size` inches each."""
    require_matplotlib(operation)
    if ax is None:
        import matplotlib.pyplot as plt

        rows = -(-count // columns)
        figsize = (size[0] * columns, size[1] * rows)
        options = {"figsize": figsize, "squeeze": False, "layout": "constrained", **options}
        panels = plt.subplots(rows, columns, **options)[1].ravel()
        for unused in panels[count:]:
            unused.set_visible(False)
        return list(panels[:count])
    axes = list(ax.ravel()) if hasattr(ax, "ravel") else list(ax) if isinstance(ax, list) else [ax]
    if len(axes) != count:
        raise ValueError(f"[{operation}] ax must be {count} Axes, got {len(axes)}")
    return axes
