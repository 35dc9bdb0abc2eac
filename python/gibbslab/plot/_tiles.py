"""Images side by side on one Axes, whose unit is one tile."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ._images import Floats, ImageShape
from ._matplotlib import axes_for

CAPTION = 0.3  # height of a caption, in tiles
MAX_WIDTH, MAX_HEIGHT = 9.0, 22.0  # of all tiles, in inches
LETTER, TITLE_LETTER = 0.078, 0.095  # about their widths, in inches


@dataclass
class Row:
    """Tiles in one row, with a name at its left and captions above the tiles."""

    images: Floats
    label: str = ""
    captions: Sequence[str] = ()
    gap: float = 0.0  # above this row, in tiles
    masks: NDArray[np.bool_] | None = None  # True: tinted

    @property
    def top(self) -> float:
        return self.gap + (CAPTION if self.captions else 0.0)


def grid_rows(images: Floats, n_columns: int, captions: Sequence[str] = ()) -> list[Row]:
    """`images` in reading order."""
    starts = range(0, len(images), n_columns)
    return [Row(images[i : i + n_columns], captions=captions[i : i + n_columns]) for i in starts]


def grid_columns(n_images: int, n_columns: int | None) -> int:
    """As given, or what makes the grid about square."""
    return min(n_images, n_columns or math.ceil(math.sqrt(n_images)))


def draw_rows(
    ax: Any,
    rows: list[Row],
    image_shape: ImageShape,
    operation: str,
    *,
    title: str,
    extra_width: float = 0.0,
    **imshow: Any,
) -> tuple[Any, list[Any]]:
    """Draw `rows` below each other; returns the Axes and one AxesImage per row.

    `imshow` holds at least ``cmap`` and ``norm``: one norm object, so one colour scale.
    `extra_width` inches of a new figure are left for a colour bar.
    """
    n_columns = max(len(row.images) for row in rows)
    height = sum(row.top + 1 for row in rows)
    aspect = image_shape[0] / image_shape[1]
    margin = extra_width + max(len(row.label) for row in rows) * LETTER + 0.2
    ax = axes_for(ax, _figsize(n_columns, height * aspect, margin, len(title)), operation)
    bottom, artists, names = 0.0, [], []
    for row in rows:
        top, bottom = bottom + row.top, bottom + row.top + 1
        artists.append(_draw_row(ax, row, top, aspect, imshow))
        names.append((top + 0.5, row.label))
    _frame(ax, n_columns, bottom, names)
    ax.set_title(title)
    return ax, artists


def _figsize(n_columns: int, height: float, margin: float, title: int) -> tuple[float, float]:
    """Inches, for `n_columns` by `height` tiles of a width."""
    tile = min(max(0.75, 3.2 / n_columns), 1.2, MAX_WIDTH / n_columns, MAX_HEIGHT / height)
    width = max(tile * n_columns, (title + 2) * TITLE_LETTER) + margin
    return width, tile * height + 0.45


def _draw_row(ax: Any, row: Row, top: float, aspect: float, imshow: dict[str, Any]) -> Any:
    n = len(row.images)
    place = {"extent": (0, n, top + 1, top), "aspect": aspect, "interpolation_stage": "rgba"}
    artist = ax.imshow(np.concatenate(row.images, axis=1), **place, **imshow)
    if row.masks is not None:
        tint = np.zeros((*np.concatenate(row.masks, axis=1).shape, 4))
        tint[np.concatenate(row.masks, axis=1) > 0] = (0.85, 0.25, 0.1, 1.0)
        ax.imshow(tint, **{**place, "interpolation": "nearest"})
    lines = {"color": ax.get_facecolor(), "linewidth": 1.5}
    ax.vlines(range(n + 1), top, top + 1, **lines)
    ax.hlines([top, top + 1], 0, n, **lines)
    for column, caption in enumerate(row.captions):
        ax.text(column + 0.5, top - 0.02, caption, ha="center", va="bottom", fontsize="x-small")
    return artist


def _frame(ax: Any, n_columns: int, bottom: float, names: list[tuple[float, str]]) -> None:
    ax.set(xlim=(0, n_columns), ylim=(bottom, 0), xticks=[])
    named = [(place, name) for place, name in names if name]
    ax.set_yticks([place for place, _ in named], [name for _, name in named])
    ax.tick_params(length=0)
    for spine in ax.spines.values():
        spine.set_visible(False)
