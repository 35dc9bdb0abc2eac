"""What the package runs on: instruction set, threads, BLAS, devices."""

from __future__ import annotations

import ctypes
import os
import platform
from pathlib import Path
from typing import Any, ClassVar

import scipy.linalg.cython_blas as _cython_blas
import threadpoolctl

from . import _core
from ._devices import cuda_in_words


class _NoLimit(int):
    """The number of threads where nobody has set a limit: put back, it is no limit again."""


class _GibbslabController(threadpoolctl.LibController):
    """Makes threadpoolctl see, and limit, the threads of the core."""

    user_api = "gibbslab"
    internal_api = "gibbslab"
    filename_prefixes = ("_core",)
    check_symbols = ("gibbslab_get_num_threads", "gibbslab_set_num_threads")
    limited: ClassVar[bool] = False  # threadpoolctl makes a controller for every look

    def get_num_threads(self) -> int:
        number = int(self.dynlib.gibbslab_get_num_threads())
        return number if self.limited else _NoLimit(number)

    def set_num_threads(self, num_threads: int) -> None:
        _GibbslabController.limited = not isinstance(num_threads, _NoLimit)
        self.dynlib.gibbslab_set_num_threads(num_threads if self.limited else 0)

    def get_version(self) -> str:
        return str(_core.__version__)

    def set_additional_attributes(self) -> None:
        pass


def _scipy_blas() -> threadpoolctl.LibController | None:
    """The BLAS library that SciPy links, as threadpoolctl sees it.

    NumPy's wheels bring a library of their own, built by the same project under nearly the same
    file name: the folder tells them apart.
    """
    libraries = threadpoolctl.ThreadpoolController().lib_controllers
    blas = [lib for lib in libraries if lib.user_api == "blas"]
    others = [lib for lib in blas if not _is_in_package(lib, "numpy")]
    own = [lib for lib in others if _is_in_package(lib, "scipy")]
    return (own or others or [None])[0]


def _is_in_package(library: threadpoolctl.LibController, package: str) -> bool:
    # .../numpy.libs/libX.so on Linux, .../numpy/.dylibs/libX.dylib on macOS
    return any(part in (package, f"{package}.libs") for part in Path(library.filepath).parts[-3:-1])


def _address(library: threadpoolctl.LibController, function: str) -> int:
    for prefix in ("", "scipy_"):
        for suffix in ("", "64_"):
            symbol = getattr(library.dynlib, f"{prefix}{function}{suffix}", None)
            if symbol is not None:
                return ctypes.cast(symbol, ctypes.c_void_p).value or 0
    return 0


def connect_blas() -> None:
    """Hand SciPy's sgemm to the core; without a usable one the core keeps its blocked product."""
    capsule = getattr(_cython_blas, "__pyx_capi__", {}).get("sgemm")
    # An ILP64 build has 64-bit integers in its signature, which we do not speak.
    if capsule is None or b"int *" not in _capsule_name(capsule):
        return
    library = _scipy_blas()
    addresses = (0, 0)
    if library is not None and library.internal_api == "openblas":
        addresses = (
            _address(library, "openblas_get_num_threads"),
            _address(library, "openblas_set_num_threads"),
        )
    _core.use_blas(capsule, *addresses)


def _capsule_name(capsule: Any) -> bytes:
    get_name = ctypes.pythonapi.PyCapsule_GetName
    get_name.restype, get_name.argtypes = ctypes.c_char_p, [ctypes.py_object]
    return get_name(capsule) or b""


def show_config(mode: str = "stdout") -> dict[str, Any] | None:
    """Print, or return, what the package was built with and runs on.

    Parameters
    ----------
    mode : {"stdout", "dicts"}, default="stdout"
        Print a table, or return it as a dictionary.

    Returns
    -------
    dict or None
        With ``mode="dicts"``: version, python, compiler, isa, available_isas, threads, blas,
        blas_core, cuda, products, cuda_convolutions.

    Raises
    ------
    ValueError
        If `mode` is neither of the two.

    Notes
    -----
    Two variables of the environment choose how products of 0/1 states and weights are computed,
    which "products" tells of. ``GIBBSLAB_PRODUCTS=int8x3``: weights in fixed point, three planes of
    int8, on every device. Sums of whole numbers are exact in any order, so that Gibbs half-steps
    have the same pre-activations, probabilities and states on the CPU (from AVX2 on) and on the
    emulated CUDA device, bit for bit; a card was not at hand to show it there. The gradients of
    training are float sums and differ in the last places; fused AIS and many-chain loops give way
    to half-steps. ``GIBBSLAB_CUDA_MODE``, for cards alone: ``bf16x3`` (the default), ``fp32``,
    ``int8x3``, or ``bf16x2``, the fast mode, which rounds weights, by at most 2^-18 of themselves.

    ``GIBBSLAB_CUDA_CONVOLUTIONS`` chooses how convolutions, their transposes and the gradients of
    both are computed on cards, which "cuda_convolutions" tells of: ``fp32`` (the default) in
    float32 throughout; ``tf32`` or ``bf16`` on tensor cores, which round both factors of every
    product, by at most 2^-11 or 2^-8 of themselves, and add in float32. Those need compute
    capability 8.0; on an older card a convolution then raises RuntimeError.
    """
    if mode not in ("stdout", "dicts"):
        raise ValueError(f"[show_config] mode must be 'stdout' or 'dicts', got {mode!r}")
    library = _scipy_blas() if _core.has_blas() else None
    config = {
        "version": _core.__version__,
        "python": platform.python_version(),
        "compiler": _core.compiler(),
        "isa": _core.isa(),
        "available_isas": _core.available_isas(),
        "threads": _core.thread_limit(),
        "blas": f"{library.internal_api} {library.version}" if library else "own blocked product",
        "blas_core": getattr(library, "architecture", "unknown") if library else "none",
        "cuda": cuda_in_words(),
        "products": os.environ.get("GIBBSLAB_PRODUCTS") or "each device's own",
        "cuda_convolutions": os.environ.get("GIBBSLAB_CUDA_CONVOLUTIONS") or "fp32",
    }
    if mode == "dicts":
        return config
    width = max(map(len, config))
    for key, value in config.items():
        text = ", ".join(value) if isinstance(value, list) else value
        print(f"{key:<{width}}  {text}")  # noqa: T201
    return None


threadpoolctl.register(_GibbslabController)
connect_blas()
