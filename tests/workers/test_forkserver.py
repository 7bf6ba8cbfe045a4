"""The process that forks those that grade: what its forks have of the command, and what they have not."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from grader.workers.crew import main
from grader.workers.forkserver import forkserver
from tests.conftest import ROOT

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="forks")

PROGRAM = """
import json, os, signal, sys, tempfile
from grader.language import speak
from grader.workers.crew import Process, main
from grader.workers.forkserver import forkserver
from grader.workers.tasks import Surroundings
import tests.workers.seen as seen

speak("fi")
signal.signal(signal.SIGTERM, lambda *_: print("heard"))
secret = tempfile.TemporaryFile()
os.set_inheritable(secret.fileno(), True)
os.environ["BEFORE"] = "1"
with forkserver(main) as server:
    os.environ["AFTER"] = "1"
    with Process(Surroundings(), threads=3, server=server) as process:
        found = process.submit(seen.look).result()
    print(json.dumps(found | {"command": os.getpid()}))
"""


def test_what_a_fork_has() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], cwd=ROOT, capture_output=True, text=True, check=True)
    found = json.loads(done.stdout)
    assert found["grandparent"] == found["command"], "it was forked, not started"
    assert found["imported"], "what the command had imported is there"
    assert found["files"] == [], "no file of the command's is open in it"
    assert found["session"], "Ctrl-C in the terminal is not for it"
    assert found["environment"] == {"BEFORE": "1", "AFTER": "1", "OMP_NUM_THREADS": "3"}
    assert found["language"] == "en"
    assert found["child"] == 7, "what it starts is waited for"


def test_where_there_are_threads_nothing_is_forked() -> None:
    over = threading.Event()
    thread = threading.Thread(target=over.wait)
    thread.start()
    try:
        with forkserver(main) as server:
            assert server is None
    finally:
        over.set()
        thread.join()


def test_nothing_of_it_is_left(tmp_path: Path) -> None:
    program = "from grader.workers.forkserver import forkserver; from grader.workers.crew import main; import os\n"
    program += "with forkserver(main) as server: print(server is not None)\n"
    program += "try: os.waitpid(-1, os.WNOHANG)\nexcept ChildProcessError: print('gone')"
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["True", "gone"]
