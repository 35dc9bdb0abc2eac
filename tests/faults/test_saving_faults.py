"""Whatever happens while saving, the old or the new file is there, complete."""

from __future__ import annotations

import errno
import itertools
import os
import random
import resource
import signal
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import gibbslab
import pytest
from children import forked
from gibbslab import BernoulliRBM
from gibbslab.io import _writer
from training_cases import assert_same_training, grey, make

CALLS = ["open", "write", "fsync", "replace", "close", "unlink", "listdir"]
POINTS = 200


@pytest.fixture(scope="module")
def old() -> BernoulliRBM:
    return make("plain", n_iter=1).fit(grey())


@pytest.fixture(scope="module")
def new() -> BernoulliRBM:
    return make("plain", n_iter=2).fit(grey())


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "model.safetensors"


def shim(before_and_after: Callable[[str], None], seed: int, patch: Any) -> None:
    """Announce every call of the writer to the system, and write in pieces of any size."""
    pieces = random.Random(seed)

    def announced(name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **options: Any) -> Any:
            if name == "write":
                args = (args[0], args[1][: pieces.randint(1, 400)])
            before_and_after(name)
            result = real(*args, **options)
            before_and_after(name)
            return result

        return call

    for name in CALLS:
        patch(_writer.os, name, announced(name, getattr(os, name)))


def temporaries(path: Path) -> list[str]:
    return [name for name in os.listdir(path.parent) if name != path.name]


# ---- kill -9 --------------------------------------------------------------------------------


def steps_of(model: BernoulliRBM, path: Path, seed: int) -> int:
    """How many points a save has at which it may be killed."""
    steps: list[str] = []
    with pytest.MonkeyPatch.context() as context:
        shim(steps.append, seed, context.setattr)
        model.save(path)
    return len(steps)


def killed(model: BernoulliRBM, path: Path, point: int, seed: int) -> int:
    """Save in a child that kills itself at that point; its exit status."""
    steps = itertools.count()

    def step(name: str) -> None:
        if next(steps) == point:
            os.kill(os.getpid(), signal.SIGKILL)

    def task() -> None:
        shim(step, seed, setattr)
        model.save(path)

    return forked(task)


@pytest.mark.parametrize("exists", [True, False])
def test_kill_at_any_point(exists: bool, path: Path, old: BernoulliRBM, new: BernoulliRBM) -> None:
    points, epochs = random.Random(0), set()
    for seed in range(POINTS // 2):
        point = points.randrange(steps_of(new, path, seed))
        path.unlink()
        if exists:
            old.save(path)
        assert killed(new, path, point, seed) == -signal.SIGKILL
        assert path.exists() or not exists
        if path.exists():
            found = gibbslab.load(path)
            epochs.add(found.n_epochs_)
            assert_same_training(found, old if found.n_epochs_ == 1 and exists else new)
        # The next save removes what the killed one left.
        new.save(path)
        assert temporaries(path) == []
    assert epochs == ({1, 2} if exists else {2})


def test_the_order_of_the_calls_survives_a_power_cut(
    path: Path, new: BernoulliRBM, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All writes, the file's fsync, the rename, the folder's fsync: each done before the next."""
    calls: list[str] = []
    shim(calls.append, 0, monkeypatch.setattr)
    new.save(path)
    told = [name for name, _ in itertools.groupby(calls)]
    assert told[told.index("write") :][:4] == ["write", "fsync", "replace", "close"]
    assert told[-3:] == ["open", "fsync", "close"]


# ---- failures -------------------------------------------------------------------------------


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EROFS])
def test_every_failing_call(
    code: int, path: Path, old: BernoulliRBM, new: BernoulliRBM, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The n-th call fails, for all n: `OSError`, and the old or the new file."""
    refused = 0
    for n in range(12):
        old.save(path)
        with monkeypatch.context() as context:
            fail_at(n, code, context)
            saved = try_to_save(new, path, code)
        refused += not saved
        found = gibbslab.load(path)
        assert_same_training(found, new if found.n_epochs_ == 2 else old)
        old.save(path)
        assert temporaries(path) == []
    assert refused >= 5


def fail_at(n: int, code: int, context: pytest.MonkeyPatch) -> None:
    steps = itertools.count()

    def failing(real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **options: Any) -> Any:
            if next(steps) == n:
                raise OSError(code, os.strerror(code))
            return real(*args, **options)

        return call

    for name in ("open", "write", "fsync", "replace", "listdir", "unlink"):
        context.setattr(_writer.os, name, failing(getattr(os, name)))


def try_to_save(model: BernoulliRBM, path: Path, code: int) -> bool:
    try:
        model.save(path)
    except OSError as error:
        if error.errno != code or str(path) not in str(error):
            raise
        return False
    return True


@pytest.mark.parametrize("limit", [0, 1, 1000, 4000])
def test_a_full_disk_keeps_the_old_file(
    limit: int, path: Path, old: BernoulliRBM, new: BernoulliRBM
) -> None:
    """By the system's own limit on the size of a file."""
    old.save(path)
    size = path.stat().st_size
    assert size > 4000

    def task() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
        expected = rf"\[save\] \d{{4}} bytes could not be written to {path}: File too large"
        with pytest.raises(OSError, match=expected) as caught:
            new.save(path)
        assert caught.value.errno == errno.EFBIG
        assert_same_training(gibbslab.load(path), old)

    assert forked(task) == 0
    assert_same_training(gibbslab.load(path), old)
    assert temporaries(path) == []


@pytest.fixture
def read_only(old: BernoulliRBM) -> Iterator[Path]:
    """A file in a folder that nobody may write to, outside of pytest's private folders."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        old.save(folder / "model")
        folder.chmod(0o555)
        yield folder / "model"
        folder.chmod(0o755)


def test_a_read_only_folder(read_only: Path, new: BernoulliRBM, old: BernoulliRBM) -> None:
    def task() -> None:
        if os.geteuid() == 0:
            os.seteuid(65534)  # the superuser may write anywhere
        with pytest.raises(PermissionError, match=r"\[save\] \d+ bytes could not be written to"):
            new.save(read_only)

    assert forked(task) == 0
    assert_same_training(gibbslab.load(read_only), old)
    assert temporaries(read_only) == []


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("absent/model", FileNotFoundError),
        ("file/model", NotADirectoryError),
        (".", OSError),
        ("x" * 255, OSError),
    ],
)
def test_paths_that_cannot_be_written(
    name: str, error: type[OSError], tmp_path: Path, new: BernoulliRBM
) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(error, match=r"\[save\] \d+ bytes could not be written to"):
        new.save(tmp_path / name)
    assert os.listdir(tmp_path) == ["file"]


# ---- temporaries ----------------------------------------------------------------------------


def test_only_stale_temporaries_of_this_file_are_removed(path: Path, new: BernoulliRBM) -> None:
    stale = path.with_name(f".{path.name}.0123.gibbslab-tmp")
    other = path.with_name(".other.0123.gibbslab-tmp")
    mine = path.with_name(f".{path.name}.mine")
    for file in (stale, other, mine):
        file.write_bytes(b"x")
    descriptor, busy = _writer._create(path)
    try:
        new.save(path)
        assert set(temporaries(path)) == {other.name, mine.name, busy.name}
    finally:
        os.close(descriptor)
    new.save(path)
    assert set(temporaries(path)) == {other.name, mine.name}


def test_two_writers_do_not_disturb_each_other(
    path: Path, old: BernoulliRBM, new: BernoulliRBM
) -> None:
    def write_both() -> None:
        pid = os.fork()
        for _ in range(100):
            (new if pid else old).save(path)
            assert gibbslab.load(path).n_epochs_ in (1, 2)
        if pid == 0:
            os._exit(0)
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0

    assert forked(write_both) == 0
    assert temporaries(path) == []
