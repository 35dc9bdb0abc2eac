"""Exceptions that gibbslab raises beside Python's own."""

from __future__ import annotations

__all__ = ["DivergenceError", "FormatError"]


class FormatError(ValueError):
    """A file is damaged, truncated or not of the expected format.

    The message names the file and the field that is wrong. Nothing was executed and no memory
    beyond the stated bound was allocated while finding out.
    """


class DivergenceError(RuntimeError):
    """Training produced a value that is not finite.

    The model keeps its last finite weights and stays usable.

    Parameters
    ----------
    message : str
        What happened, starting with the operation in brackets.
    epoch : int, optional
        Epoch in which it was noticed, counted from 0.
    batch : int, optional
        Batch within the epoch, counted from 0.
    tensor : str, optional
        Name of the tensor that is not finite, for example ``"W"``.

    Attributes
    ----------
    epoch, batch, tensor
        As given; None where unknown. They survive pickling.
    """

    def __init__(
        self,
        message: str,
        *,
        epoch: int | None = None,
        batch: int | None = None,
        tensor: str | None = None,
    ) -> None:
        super().__init__(message)
        self.epoch = epoch
        self.batch = batch
        self.tensor = tensor
