"""The public loaders."""

from __future__ import annotations

from typing import Any

import numpy as np
import sklearn.datasets
from numpy.typing import DTypeLike, NDArray

from gibbslab.datasets._reading import (
    LabelledData,
    Layout,
    PathLike,
    Reader,
    check_dtype,
    check_split,
    load_labelled,
)
from gibbslab.datasets._registry import BINARIZED, ECG5000


def load_mnist(
    split: str = "train",
    *,
    data_dir: PathLike | None = None,
    flatten: bool = True,
    scale: bool = True,
    dtype: DTypeLike = np.float32,
    download: bool = True,
) -> LabelledData:
    """Load MNIST: 60,000 + 10,000 grey images of handwritten digits, 28 x 28.

    Each file is looked for in `data_dir`, in the folder named by ``GIBBSLAB_DATA_DIR``, in the
    cache (``GIBBSLAB_CACHE_DIR``, else the platform's cache folder), in the system's data folder,
    and is then downloaded into the cache. In a folder it may lie in ``mnist`` or directly,
    gzip-compressed or not. Its content is verified by SHA-256 at every load.

    Parameters
    ----------
    split : {"train", "test", "all"}, default="train"
        Which images; "all" is the training set followed by the test set.
    data_dir : str or path-like, optional
        First folder to look in.
    flatten : bool, default=True
        Whether an image is a row of 784 values instead of 28 x 28.
    scale : bool, default=True
        Whether to divide by 255, so that values lie in [0, 1]; else they are 0 to 255.
    dtype : dtype, default=numpy.float32
        Type of `X`: a float type, or with ``scale=False`` any real type that holds 0 to 255.
    download : bool, default=True
        Whether to download a file that is found nowhere (needs the extra ``data``).

    Returns
    -------
    X : ndarray of shape (n, 784) or (n, 28, 28)
        Images, in the order of the original files; also ``.data`` of the returned pair.
    y : ndarray of shape (n,), uint8
        Digits 0 to 9; also ``.target`` of the returned pair.

    Raises
    ------
    FileNotFoundError
        If a file is found nowhere; the message lists every place that was tried.
    FormatError
        If a file is damaged or holds something else.
    ValueError, TypeError
        If `split` or `dtype` is not one of those above.

    References
    ----------
    Y. LeCun, C. Cortes, C. J. C. Burges, "The MNIST database of handwritten digits" (CC BY-SA 3.0).
    """
    layout = Layout(flatten, scale, check_dtype("load_mnist", dtype, scale))
    return load_labelled("mnist", split, Reader("load_mnist", data_dir, download), layout)


def load_fashion_mnist(
    split: str = "train",
    *,
    data_dir: PathLike | None = None,
    flatten: bool = True,
    scale: bool = True,
    dtype: DTypeLike = np.float32,
    download: bool = True,
) -> LabelledData:
    """Load Fashion-MNIST: 60,000 + 10,000 grey images of clothes, 28 x 28.

    Parameters, returned values and errors are those of `load_mnist`; the subfolder is
    ``fashion-mnist``. Labels: 0 T-shirt/top, 1 trouser, 2 pullover, 3 dress, 4 coat, 5 sandal,
    6 shirt, 7 sneaker, 8 bag, 9 ankle boot.

    References
    ----------
    H. Xiao, K. Rasul, R. Vollgraf, "Fashion-MNIST: a Novel Image Dataset for Benchmarking Machine
    Learning Algorithms", arXiv:1708.07747 (MIT licence).
    """
    operation = "load_fashion_mnist"
    layout = Layout(flatten, scale, check_dtype(operation, dtype, scale))
    return load_labelled("fashion-mnist", split, Reader(operation, data_dir, download), layout)


def load_mnist_sample(
    split: str = "train",
    *,
    flatten: bool = True,
    scale: bool = True,
    dtype: DTypeLike = np.float32,
) -> LabelledData:
    """Load the sample of MNIST that comes with the package: 10,000 + 2,000 images.

    The sample keeps the proportions of the digits and the order of the original files. It needs
    neither files nor network. Parameters, returned values and errors are those of `load_mnist`.

    References
    ----------
    Y. LeCun, C. Cortes, C. J. C. Burges, "The MNIST database of handwritten digits"; the sample is
    under its licence, CC BY-SA 3.0.
    """
    layout = Layout(flatten, scale, check_dtype("load_mnist_sample", dtype, scale))
    return load_labelled("mnist-sample", split, Reader("load_mnist_sample"), layout)


def load_binarized_mnist(
    split: str = "train",
    *,
    data_dir: PathLike | None = None,
    flatten: bool = True,
    dtype: DTypeLike = np.float32,
    download: bool = True,
) -> NDArray[Any]:
    """Load binarised MNIST: 50,000 + 10,000 + 10,000 images of 0 and 1, without labels.

    Each pixel was drawn once, with the grey value as its probability. Likelihoods of NADE, MADE
    and PixelRNN are reported on these images. The test images are sorted by digit: shuffle before
    taking a part. Files are looked for as by `load_mnist`; the subfolder is ``binarized-mnist``.

    Parameters
    ----------
    split : {"train", "valid", "test", "all"}, default="train"
        Which images; "all" is the three sets in this order.
    data_dir, flatten, download
        As in `load_mnist`.
    dtype : dtype, default=numpy.float32
        Type of `X`: any real type that holds 0 to 255.

    Returns
    -------
    X : ndarray of shape (n, 784) or (n, 28, 28)
        Images of 0 and 1.

    Raises
    ------
    FileNotFoundError, FormatError, ValueError, TypeError
        As `load_mnist`.

    References
    ----------
    R. Salakhutdinov, I. Murray, "On the Quantitative Analysis of Deep Belief Networks", ICML 2008.
    H. Larochelle, I. Murray, "The Neural Autoregressive Distribution Estimator", AISTATS 2011.
    """
    operation = "load_binarized_mnist"
    checked = check_dtype(operation, dtype, scale=False)
    splits = check_split(operation, split, ("train", "valid", "test"))
    reader = Reader(operation, data_dir, download)
    X = reader.read_all([BINARIZED[name] for name in splits]).astype(checked)
    return X if flatten else X.reshape(-1, 28, 28)


def load_ecg5000(*, data_dir: PathLike | None = None, download: bool = True) -> LabelledData:
    """Load heartbeats of ECG5000: 500 beats of 140 values each, cut from one electrocardiogram.

    They are the training file of the UCR archive, 292 normal beats and 208 of four other classes
    (177, 10, 19, 2); every beat has mean 0 and standard deviation 1. The file is looked for as by
    `load_mnist`; the subfolder is ``ecg5000``.

    Parameters
    ----------
    data_dir, download
        As in `load_mnist`.

    Returns
    -------
    X : ndarray of shape (500, 140), float32
        Beats, in the order of the file; also ``.data`` of the returned pair.
    y : ndarray of shape (500,), uint8
        Classes: 1 normal, 2 to 5 anomalous; also ``.target`` of the returned pair.

    Raises
    ------
    FileNotFoundError, FormatError, TypeError
        As `load_mnist`.

    References
    ----------
    Y. Chen, Y. Hao, T. Rakthanmanon, J. Zakaria, B. Hu, E. Keogh, "A general framework for
    never-ending learning from time series streams", Data Mining and Knowledge Discovery, 2015.
    A. Goldberger et al., "PhysioBank, PhysioToolkit, and PhysioNet", Circulation, 2000.
    """
    table = Reader("load_ecg5000", data_dir, download).read(ECG5000["train"])
    return LabelledData(table[:, 1:].astype(np.float32), table[:, 0].astype(np.uint8))


def load_digits(
    *, flatten: bool = True, scale: bool = True, dtype: DTypeLike = np.float32
) -> LabelledData:
    """Load scikit-learn's digits: 1,797 grey images of handwritten digits, 8 x 8.

    Needs neither files nor network.

    Parameters
    ----------
    flatten : bool, default=True
        Whether an image is a row of 64 values instead of 8 x 8.
    scale : bool, default=True
        Whether to divide by 16, so that values lie in [0, 1]; else they are 0 to 16.
    dtype : dtype, default=numpy.float32
        Type of `X`, as in `load_mnist`.

    Returns
    -------
    X : ndarray of shape (1797, 64) or (1797, 8, 8)
        Images; also ``.data`` of the returned pair.
    y : ndarray of shape (1797,), uint8
        Digits 0 to 9; also ``.target`` of the returned pair.

    References
    ----------
    E. Alpaydin, C. Kaynak, "Optical Recognition of Handwritten Digits", UCI repository, 1998.
    """
    layout = Layout(flatten, scale, check_dtype("load_digits", dtype, scale))
    digits = sklearn.datasets.load_digits()
    images = digits.images.astype(np.uint8)
    return LabelledData(layout.apply(images, peak=16), digits.target.astype(np.uint8))
