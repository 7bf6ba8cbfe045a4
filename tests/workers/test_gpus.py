"""How notebooks are spread over GPUs. No GPU is needed: what is judged is what the processes are told."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from grader.workers import gpus
from grader.workers.crew import Process
from grader.workers.tasks import Surroundings
from tests.conftest import thorough


@pytest.mark.parametrize(
    ("device", "here", "number", "expected"),
    [
        ("cpu", ["0"], 2, [None, None]),
        ("mps", ["0"], 1, [None]),
        ("auto", [], 2, [None, None]),
        ("auto", ["0"], 1, [("0", "")]),
        ("cuda", ["0"], 2, [("0", "0.475"), ("0", "0.475")]),
        ("auto", ["0", "3"], 3, [("0", "0.475"), ("3", ""), ("0", "0.475")]),
        ("cuda:1", ["0", "1"], 2, [("1", "0.475"), ("1", "0.475")]),
    ],
)
def test_notebooks_are_spread_over_gpus_and_share_their_memory(
    monkeypatch: pytest.MonkeyPatch,
    device: str,
    here: list[str],
    number: int,
    expected: list[tuple[str, str] | None],
) -> None:
    monkeypatch.delenv("PYTORCH_CUDA_ALLOC_CONF", raising=False)
    told = gpus.shares(number, device, here)
    found = [
        (one["CUDA_VISIBLE_DEVICES"], one.get("PYTORCH_CUDA_ALLOC_CONF", "").rpartition(":")[2]) if one else None
        for one in told
    ]
    assert found == expected


def test_settings_of_the_teachers_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTORCH_CUDA_ALLOC_CONF", "max_split_size_mb:64")
    one, _ = gpus.shares(2, "cuda", ["0"])
    assert one["PYTORCH_CUDA_ALLOC_CONF"] == "max_split_size_mb:64,per_process_memory_fraction:0.475"


def test_an_older_torch_is_told_nothing_that_it_does_not_know(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gpus, "version", lambda _: "2.6.0+cu124")
    assert gpus.shares(2, "cuda", ["0"]) == [{"CUDA_VISIBLE_DEVICES": "0"}] * 2


@thorough
def test_torch_understands_the_share() -> None:
    told = gpus.shares(2, "cuda", ["0"])[0]["PYTORCH_CUDA_ALLOC_CONF"]
    settings = "import sys, torch; torch._C._accelerator_setAllocatorSettings(sys.argv[1])"
    for text, code in ((told, 0), (told.replace("0.475", "7"), 1)):
        done = subprocess.run([sys.executable, "-c", settings, text], capture_output=True, check=False)
        assert done.returncode == code, done.stderr


@pytest.mark.parametrize(
    ("told", "expected"), [("", []), ("-1", []), ("2, 0", ["2", "0"]), ("GPU-abc,1", ["GPU-abc", "1"])]
)
def test_only_visible_gpus_are_used(monkeypatch: pytest.MonkeyPatch, told: str, expected: list[str]) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", told)
    assert gpus.gpus() == expected


def test_a_process_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "5")
    process = Process(Surroundings(), environment={"CUDA_VISIBLE_DEVICES": "3"})
    assert process.submit(os.getenv, "CUDA_VISIBLE_DEVICES").result() == "3"
    process.shutdown()
