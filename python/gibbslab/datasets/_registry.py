"""What every data file must contain, and where it may be downloaded.

The hashes are of the uncompressed bytes: gzip files of the same data differ between distributors.
Those of binarised MNIST are also the ones that TensorFlow Datasets publishes.
"""

from __future__ import annotations

from dataclasses import dataclass

_IMAGES = {"train": "train-images-idx3-ubyte", "test": "t10k-images-idx3-ubyte"}
_LABELS = {"train": "train-labels-idx1-ubyte", "test": "t10k-labels-idx1-ubyte"}


@dataclass(frozen=True)
class DataFile:
    """One file: its data set, its name, and the length and SHA-256 of its uncompressed bytes.

    `windows_sha256` is that of a text whose lines end as Windows has it, where it goes about.
    """

    dataset: str
    name: str
    n_bytes: int
    sha256: str
    windows_sha256: str = ""


@dataclass(frozen=True)
class Source:
    """Where a data set is found: other folder names it goes by, and HTTPS mirrors.

    `packed` says whether the mirrors serve ``name + ".gz"``; `archive` names a zip file that they
    serve and that holds the data set's files.
    """

    aliases: tuple[str, ...] = ()
    mirrors: tuple[str, ...] = ()
    packed: bool = True
    archive: str = ""


SOURCES = {
    "mnist": Source(
        aliases=("MNIST/raw",),
        mirrors=(
            "https://ossci-datasets.s3.amazonaws.com/mnist/",
            "https://storage.googleapis.com/cvdf-datasets/mnist/",
        ),
    ),
    "fashion-mnist": Source(
        aliases=("FashionMNIST/raw",),
        mirrors=(
            "https://github.com/zalandoresearch/fashion-mnist/raw/master/data/fashion/",
            "https://storage.googleapis.com/tensorflow/tf-keras-datasets/",
        ),
    ),
    "binarized-mnist": Source(
        mirrors=("https://www.cs.toronto.edu/~larocheh/public/datasets/binarized_mnist/",),
        packed=False,
    ),
    "ecg5000": Source(
        aliases=("ECG5000",),
        mirrors=(
            "https://www.timeseriesclassification.com/aeon-toolkit/",
            "https://www.timeseriesclassification.com/Downloads/",
        ),
        archive="ECG5000.zip",
    ),
    "mnist-sample": Source(),
}


def _idx_files(
    dataset: str, split: str, count: int, images: str, labels: str
) -> tuple[DataFile, DataFile]:
    return (
        DataFile(dataset, _IMAGES[split], 16 + 784 * count, images),
        DataFile(dataset, _LABELS[split], 8 + count, labels),
    )


def _amat_file(split: str, count: int, sha256: str) -> DataFile:
    name = f"binarized_mnist_{split}.amat"
    return DataFile("binarized-mnist", name, 2 * 784 * count, sha256)


# (data set, split) -> (images, labels)
LABELLED = {
    ("mnist", "train"): _idx_files(
        "mnist",
        "train",
        60_000,
        "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
        "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    ),
    ("mnist", "test"): _idx_files(
        "mnist",
        "test",
        10_000,
        "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
        "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
    ),
    ("fashion-mnist", "train"): _idx_files(
        "fashion-mnist",
        "train",
        60_000,
        "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
        "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
    ),
    ("fashion-mnist", "test"): _idx_files(
        "fashion-mnist",
        "test",
        10_000,
        "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
        "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
    ),
    ("mnist-sample", "train"): _idx_files(
        "mnist-sample",
        "train",
        10_000,
        "da310310670414579ef9177056ac3c3201ff295cc71f0e3f4feea66c9230197f",
        "b1700adb8e05cbfc489b3d67daaa146dd6993d099a93f6bea06df73afdf1c14d",
    ),
    ("mnist-sample", "test"): _idx_files(
        "mnist-sample",
        "test",
        2_000,
        "493ca3fa4ee2f49031e49d13b355447094d8e4e34f6693c71c52e09f5bada131",
        "8958d80042a5cb835346986c881e71616f9bafe3ca0563ee59e2e73d5e6de67f",
    ),
}

BINARIZED = {
    "train": _amat_file(
        "train", 50_000, "ad693b29f94c14277b095f5238ddefbbdaaae0939789dd2f4f0205278cee3e4d"
    ),
    "valid": _amat_file(
        "valid", 10_000, "1de3d397c40fe8eeb33dafd4099a1f665ec01e96d9be234aaeeac8a34930e2e2"
    ),
    "test": _amat_file(
        "test", 10_000, "e6687bfea3f820c174f33b7865140b2a2dd2930ef786f35d45795fc193b5ab2c"
    ),
}

# The label and 140 values in each of 500 lines, columns of 16 characters.
ECG5000 = {
    "train": DataFile(
        "ecg5000",
        "ECG5000_TRAIN.txt",
        500 * (141 * 16 + 1),
        "0d96aff193311a6dc6111bf0dbd2f7d2313987fbf7a1da4a383d92563876057b",
        "11a8da6d20ba403df7d9e77ac5de852e50e9cae0b54269c9f9f11700996780d0",
    ),
}

FILES = (
    *(file for pair in LABELLED.values() for file in pair),
    *BINARIZED.values(),
    *ECG5000.values(),
)
