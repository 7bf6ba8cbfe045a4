"""Every notebook of the corpus gets its verdict, and nothing of it is left.

Each entry is graded in one of four ways, in turn: as root or as an ordinary user, with bubblewrap and without, in a
fork of the warm process or (a few) in a kernel of its own. With GRADER_TEST_EVERY_MODE=1 all are in each.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from grader.exercise import load
from grader.kernel import sandbox
from grader.kernel.warm import Warm, warmed
from tests.hostile import corpus, judging
from tests.hostile.conftest import Places

ROOT = corpus.HERE.parent.parent
CORPUS = corpus.load()
QUIET = corpus.combined([one for one in CORPUS if one.group])
ALONE = [one for one in CORPUS if not one.group]
# Whether as the user who runs the tests, or as an ordinary one; whether with bubblewrap; whether in a fork.
MODES = [(True, True, True), (False, False, True), (True, False, False), (False, True, True)]

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="what is tried here is held by Linux's means")


def cases() -> Iterator[object]:
    """Each entry in the ways that it is graded in."""
    everything = bool(os.environ.get("GRADER_TEST_EVERY_MODE"))
    for number, entry in enumerate(ALONE):
        modes = [mode for mode in MODES if mode[0] or not entry.counted]
        # A kernel of its own takes as long as ten forks: every twelfth has one.
        usual = [mode for mode in modes if mode[2] or number % 12 == 0]
        for mode in modes if everything else [usual[number % len(usual)]]:
            who, how = "user" if mode[0] else "ordinary", "bubblewrap" if mode[1] else "alone"
            yield pytest.param(entry, *mode, id=f"{entry.name}-{who}-{how}-{'warm' if mode[2] else 'cold'}")


@pytest.fixture(scope="module", autouse=True)
def _promises_are_kept() -> None:
    broken = sandbox.broken_promises(sandbox.examine().layers)
    if broken:
        pytest.skip(f"this system cannot keep: {broken}")


@pytest.fixture(scope="module", autouse=True)
def _everything_is_imported(planted: Places) -> None:
    """So that what the grader itself imports is not taken for a notebook's doing."""
    judging.judge(corpus.Entry("honest", "", ""), planted.course, "")


@pytest.fixture(scope="module")
def told(planted: Places) -> Iterator[str]:
    """All that a notebook could wish to know, sockets of another process among it."""
    path, abstract = str(planted.folder / "socket"), f"grade-tests-{os.getpid()}"
    servers = [socket.create_server(("127.0.0.1", 0))]
    for name in (path, f"\0{abstract}"):
        servers.append(socket.socket(socket.AF_UNIX))
        servers[-1].bind(name)
        servers[-1].listen()
    os.chmod(path, 0o777)  # noqa: PTH101

    def greet(server: socket.socket) -> None:
        with suppress(OSError):
            while True:
                connection, _ = server.accept()
                connection.sendall(b"CANARY-0123456789abcdef")
                connection.close()

    threads = [threading.Thread(target=greet, args=(server,)) for server in servers]
    for thread in threads:
        thread.start()
    known = {"port": servers[0].getsockname()[1], "socket": path, "abstract": abstract}
    yield f"{planted.told()}\nplaces |= {known!r}"
    for server in servers:
        with suppress(OSError):
            server.shutdown(socket.SHUT_RDWR)
        server.close()
    for thread in threads:
        thread.join()
    os.unlink(path)  # noqa: PTH108 - another module's turn may come between two of this one's


Ask = Callable[[corpus.Entry, bool, bool], list[str]]


@pytest.fixture(scope="module")
def forking() -> Iterator[dict[bool, Warm | None]]:
    """Warm processes, with bubblewrap and without."""
    with warmed([]) as inside, warmed([]) as alone:
        yield {True: inside, False: alone}


@pytest.fixture(scope="module")
def ordinary(planted: Places, told: str) -> Iterator[Ask]:
    """Grades as an ordinary user, in a process of its own: without rights where we are root, in our place otherwise."""
    command = [sys.executable, "-m", "tests.hostile.runner", str(planted.course)]
    if os.geteuid() == 0:
        command = ["unshare", "--user", "--map-user=1000", "--map-group=1000", "--", *command]
        if shutil.which("unshare") is None or subprocess.run([*command[:5], "true"], check=False).returncode:
            pytest.skip("nobody can become an ordinary user here")
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(command, cwd=ROOT, env=os.environ | planted.environment, text=True, **pipes) as runner:
        assert runner.stdin is not None
        assert runner.stdout is not None

        def ask(entry: corpus.Entry, bubblewrap: bool, warm: bool) -> list[str]:
            asked = {
                "entry": "quiet" if entry is QUIET else entry.name,
                "bubblewrap": bubblewrap,
                "warm": warm,
                "told": told,
            }
            print(json.dumps(asked), file=runner.stdin, flush=True)
            return json.loads(runner.stdout.readline())

        yield ask
        runner.stdin.close()


@contextmanager
def taking_turns(heavy: bool) -> Iterator[None]:
    """Let only one test at a time fill memory, disk or the process table."""
    with (Path(tempfile.gettempdir()) / "grade-tests-heavy").open("w") as lock:
        if heavy:
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@pytest.mark.parametrize(("entry", "as_it_is", "bubblewrap", "warm"), list(cases()))
def test_verdict(
    entry: corpus.Entry,
    as_it_is: bool,
    bubblewrap: bool,
    warm: bool,
    places: Places,
    told: str,
    forking: dict[bool, Warm | None],
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    with taking_turns(entry.heavy):
        if as_it_is:
            if not bubblewrap:
                monkeypatch.setattr(sandbox, "bubblewrap_works", lambda: False)
            assert judging.judge(entry, places.course, told, forking[bubblewrap] if warm else None) == []
        else:
            assert request.getfixturevalue("ordinary")(entry, bubblewrap, warm) == []
    assert capfd.readouterr() == ("", "")  # nothing of a notebook's gets to the terminal


@pytest.mark.parametrize("warm", [True, False])
@pytest.mark.parametrize("bubblewrap", [True, False])
def test_quiet_attacks_get_nothing(
    bubblewrap: bool,
    warm: bool,
    places: Places,
    told: str,
    forking: dict[bool, Warm | None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if not bubblewrap:
        monkeypatch.setattr(sandbox, "bubblewrap_works", lambda: False)
    assert judging.judge(QUIET, places.course, told, forking[bubblewrap] if warm else None) == []


@pytest.mark.parametrize("warm", [True, False])
@pytest.mark.parametrize("bubblewrap", [True, False])
def test_quiet_attacks_get_nothing_as_an_ordinary_user(
    bubblewrap: bool, warm: bool, ordinary: Ask, places: Places
) -> None:
    assert ordinary(QUIET, bubblewrap, warm) == []


def test_every_quiet_attack_was_tried(places: Places, told: str) -> None:
    """… and those that read and connect work without a sandbox, so that it is the sandbox which stops them."""
    attacks = [one for one in CORPUS if one.control]
    with judging.temporary_folder() as (folder, left):
        graded = judging.run(corpus.combined(attacks), load(places.exercise), told, folder, mode="off")
    message = next(one.message for one in graded.report.checks if one.name == "found")
    assert [one.name for one in attacks if f"{one.name}=" not in message] == []
    assert left == []


def test_corpus_is_whole() -> None:
    names = [one.name for one in CORPUS]
    assert len(names) == len(set(names)) >= 60
    assert all(one.says.endswith(".") for one in CORPUS)
    assert all(len(one.after) == 1 and f'found["{one.name}"]' in one.after[0] for one in CORPUS if one.group)
