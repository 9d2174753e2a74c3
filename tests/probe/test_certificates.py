"""The sidecar: what reaches the target, when, and what is logged."""

import os
import signal
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest

from mailstack_probe.certificates import Keeper, authority, pair
from tests.probe import keys
from tests.probe.keys import Pair

WAITS = "the mail servers wait for a good one"


@dataclass
class Secret:
    """A folder as the kubelet mounts a Secret: the files are links through ..data, which is swapped."""

    folder: Path
    version: int = 0

    def put(self, **files: bytes) -> None:
        """The Secret's new keys, `tls_crt` for tls.crt; the former version is removed after the swap."""
        names = {name.replace("_", "."): content for name, content in files.items()}
        former, self.version = self.version, self.version + 1
        new = self.folder / f"..{self.version}"
        new.mkdir(parents=True)
        for name, content in names.items():
            new.joinpath(name).write_bytes(content)
            link = self.folder / name
            if not link.is_symlink():
                link.symlink_to(Path("..data", name))
        draft = self.folder / "..data_tmp"
        draft.symlink_to(new.name)
        draft.rename(self.folder / "..data")
        _remove(self.folder / f"..{former}")

    def put_pair(self, content: Pair) -> None:
        self.put(tls_crt=content.certificate, tls_key=content.key)


def _remove(folder: Path) -> None:
    if folder.exists():
        for file in folder.iterdir():
            file.unlink()
        folder.rmdir()


@pytest.fixture
def secret(tmp_path: Path) -> Secret:
    return Secret(tmp_path / "secret")


@pytest.fixture
def target(tmp_path: Path) -> Path:
    tmp_path.joinpath("tls").mkdir()
    return tmp_path / "tls" / "tls.pem"


@pytest.fixture
def keeper(secret: Secret, target: Path) -> Keeper:
    return Keeper(pair(secret.folder), target)


def test_a_good_pair_is_put_in_use(secret: Secret, target: Path, keeper: Keeper, good: Pair) -> None:
    secret.put_pair(good)
    assert keeper.look() == f"Secret in {secret.folder}: in use as {target}"
    assert target.read_bytes() == good.key + good.certificate
    assert stat.S_IMODE(target.stat().st_mode) == 0o400
    public = target.with_name("tls.crt")
    assert public.read_bytes() == good.certificate
    assert stat.S_IMODE(public.stat().st_mode) == 0o444
    assert set(target.parent.iterdir()) == {target, public}


def test_what_did_not_change_is_neither_written_nor_logged(
    secret: Secret, target: Path, keeper: Keeper, good: Pair
) -> None:
    secret.put_pair(good)
    keeper.look()
    before = target.stat()
    assert keeper.look() is None
    assert (target.stat().st_ino, target.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_a_restarted_sidecar_leaves_the_target_alone(secret: Secret, target: Path, keeper: Keeper, good: Pair) -> None:
    secret.put_pair(good)
    keeper.look()
    before = target.stat().st_ino
    assert Keeper(pair(secret.folder), target).look() == f"Secret in {secret.folder}: in use as {target}"
    assert target.stat().st_ino == before


def test_a_renewed_pair_replaces_the_file_at_once(
    secret: Secret, target: Path, keeper: Keeper, good: Pair, other: Pair
) -> None:
    secret.put_pair(good)
    keeper.look()
    with target.open("rb") as reader:
        secret.put_pair(other)
        assert keeper.look() == f"Secret in {secret.folder}: in use as {target}"
        assert reader.read() == good.key + good.certificate
    assert target.read_bytes() == other.key + other.certificate


def test_a_broken_pair_leaves_the_good_one_and_is_logged_once_per_change(
    secret: Secret, target: Path, keeper: Keeper, good: Pair, other: Pair
) -> None:
    secret.put_pair(good)
    keeper.look()
    line = f"Secret in {secret.folder}: the key does not belong to the certificate; the last good one stays in use"
    secret.put(tls_crt=good.certificate, tls_key=other.key)
    assert [keeper.look(), keeper.look()] == [line, None]
    secret.put(tls_crt=other.certificate, tls_key=good.key)
    assert [keeper.look(), keeper.look()] == [line, None]
    assert target.read_bytes() == good.key + good.certificate
    secret.put_pair(good)
    assert keeper.look() == f"Secret in {secret.folder}: in use as {target}"


@pytest.fixture(scope="module")
def old() -> Pair:
    return keys.pair(start=timedelta(days=-2), end=timedelta(days=-1))


def test_an_expired_pair_is_better_than_none(secret: Secret, target: Path, keeper: Keeper, old: Pair) -> None:
    """Fault: renewal fails, the node is drained, and the new pod has no port 25."""
    secret.put_pair(old)
    line = keeper.look() or ""
    assert line.startswith(f"Secret in {secret.folder}: in use as {target}, although the certificate expired on ")
    assert target.read_bytes() == old.key + old.certificate
    assert keeper.look() is None


def test_an_expired_pair_does_not_replace_a_valid_one(
    secret: Secret, target: Path, keeper: Keeper, good: Pair, old: Pair
) -> None:
    secret.put_pair(good)
    keeper.look()
    secret.put_pair(old)
    assert (keeper.look() or "").endswith(" UTC; the last good one stays in use")
    assert target.read_bytes() == good.key + good.certificate


def test_a_valid_pair_replaces_an_expired_one(
    secret: Secret, target: Path, keeper: Keeper, good: Pair, old: Pair
) -> None:
    secret.put_pair(old)
    keeper.look()
    secret.put_pair(good)
    assert keeper.look() == f"Secret in {secret.folder}: in use as {target}"


def test_a_partial_secret_is_named(secret: Secret, target: Path, keeper: Keeper, good: Pair) -> None:
    secret.put(tls_crt=good.certificate)
    assert keeper.look() == f"Secret in {secret.folder}: tls.key is missing; {WAITS}"
    assert not target.exists()


def test_a_secret_that_is_not_there_is_named(secret: Secret, keeper: Keeper) -> None:
    assert keeper.look() == f"Secret in {secret.folder}: tls.crt is missing; {WAITS}"


def test_a_file_that_cannot_be_read_is_named(secret: Secret, keeper: Keeper) -> None:
    secret.folder.joinpath("tls.crt").mkdir(parents=True)
    assert keeper.look() == f"Secret in {secret.folder}: tls.crt cannot be read: Is a directory; {WAITS}"


def test_a_target_that_cannot_be_written_is_named(secret: Secret, tmp_path: Path, good: Pair) -> None:
    secret.put_pair(good)
    target = tmp_path / "no such folder" / "tls.pem"
    line = Keeper(pair(secret.folder), target).look()
    assert line == f"Secret in {secret.folder}: {target} cannot be written: No such file or directory; {WAITS}"


def test_what_a_killed_run_left_is_no_obstacle(secret: Secret, target: Path, keeper: Keeper, good: Pair) -> None:
    draft = target.with_name(".tls.pem.new")
    draft.write_bytes(b"half")
    draft.chmod(0o400)
    secret.put_pair(good)
    keeper.look()
    assert target.read_bytes() == good.key + good.certificate
    assert not draft.exists()


def test_a_ca_file_is_kept_the_same_way(secret: Secret, target: Path, good: Pair, other: Pair) -> None:
    file = secret.folder / "ca.crt"
    keeper = Keeper(authority(file), target)
    secret.put(ca_crt=b"words\n" + good.certificate + other.certificate)
    assert keeper.look() == f"CA in {file}: in use as {target}"
    secret.put(ca_crt=b"nonsense")
    assert keeper.look() == f"CA in {file}: it holds no certificate in PEM form; the last good one stays in use"
    assert target.read_bytes() == good.certificate + other.certificate


def test_a_ca_is_readable_by_a_server_that_has_given_up_root(tmp_path: Path) -> None:
    """tlsproxy(8) reads it as the user postfix."""
    file, target = tmp_path / "ca.crt", tmp_path / "ca.pem"
    file.write_bytes(keys.pair().certificate)
    Keeper(authority(file), target).look()
    assert stat.S_IMODE(target.stat().st_mode) == 0o444


def test_swaps_in_the_middle_of_a_look_mix_no_versions(
    secret: Secret, target: Path, keeper: Keeper, good: Pair, other: Pair
) -> None:
    """The kubelet's swap may fall between any two of our reads."""
    secret.put_pair(good)
    lines = set()
    with _swapping(secret, good, other) as swaps:
        while swaps() < 300:
            lines.add(keeper.look())
            assert target.read_bytes() in {each.key + each.certificate for each in (good, other)}
    assert lines <= {None, f"Secret in {secret.folder}: in use as {target}"}


@contextmanager
def _swapping(secret: Secret, *pairs: Pair) -> Iterator[Callable[[], int]]:
    """Another thread renews the Secret all the while; the number of renewals so far."""
    stop = threading.Event()

    def work() -> None:
        while not stop.wait(0.001):
            secret.put_pair(pairs[secret.version % len(pairs)])

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield lambda: secret.version
    finally:
        stop.set()
        thread.join()


@contextmanager
def sidecar(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "mailstack_probe.certificates", *arguments]
    variables = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2] / "operator")}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=variables) as process:
        try:
            yield process
        finally:
            process.kill()


def test_the_sidecar_waits_for_a_good_pair_and_ends_at_once_when_told(secret: Secret, target: Path, good: Pair) -> None:
    with sidecar("--pair", f"{secret.folder}={target}") as process:
        assert process.stdout is not None
        assert process.stdout.readline() == f"mailstack: Secret in {secret.folder}: tls.crt is missing; {WAITS}\n"
        secret.put_pair(good)
        start = time.monotonic()
        assert process.stdout.readline() == f"mailstack: Secret in {secret.folder}: in use as {target}\n"
        assert time.monotonic() - start < 6
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=1) == 0


def test_an_argument_of_another_form_is_refused() -> None:
    command = [sys.executable, "-m", "mailstack_probe.certificates", "--pair", "/run/secret"]
    variables = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2] / "operator")}
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=30, env=variables)
    assert done.returncode == 2
    assert "'/run/secret' is not of the form SOURCE=TARGET" in done.stderr
