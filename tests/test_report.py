"""The report is a contract: its fields, their values and the exit codes are frozen here."""

from __future__ import annotations

import json
from typing import Any, get_args

import pytest
from pydantic import ValidationError

from grader.report import CellReport, CheckReport, DataReport, ExecutionReport, Report

# DESIGN's contract, and what this version adds to it. To take one away, or to give it another meaning, is a new
# `schema_version`; to add one is to write it down here.
FIELDS: dict[type, tuple[set[str], set[str]]] = {
    Report: (
        {
            *("schema_version", "exercise", "submission", "student", "status", "score", "max_score", "execution"),
            *("checks", "data", "device", "seed", "sandbox", "versions", "started", "grader"),
        },
        {"title", "language", "next", "pass_mark"},
    ),
    ExecutionReport: (
        {"status", "seconds", "cell", "error", "peak_memory"},
        {"missing_packages", "judged_before", "put_back", "cells"},
    ),
    CheckReport: (
        {"name", "title", "status", "score", "max_score", "message", "hint", "seconds"},
        {"hidden", "lacks", "bonus", "manual", "verified", "figures"},
    ),
    DataReport: (set(), {"name", "sets", "small"}),
    CellReport: (set(), {"number", "id", "status", "seconds", "error", "compiles", "label"}),
}

VALUES = {
    (Report, "schema_version"): (1,),
    (Report, "status"): ("passed", "failed", "ungraded"),
    (ExecutionReport, "status"): ("ok", "error", "timeout", "memory", "output", "died", "invalid"),
    (CheckReport, "status"): ("passed", "failed", "skipped", "error"),
    (DataReport, "name"): ("full", "sample"),
}


def report(status: str = "failed", **more: Any) -> Report:
    """A report of one check."""
    check = CheckReport(name="one", title="One.", status="failed", score=0, max_score=2, message="No.", hint="Try.")
    fields: dict[str, Any] = {
        "exercise": "100",
        "title": "Counting",
        "submission": "a.ipynb",
        "status": status,
        "score": 0,
        "max_score": 2,
        "execution": ExecutionReport(status="ok"),
        "checks": [check],
        "data": DataReport(name="sample"),
        "device": "cpu",
        "seed": 0,
        "sandbox": ["own process"],
        "versions": {"torch": "2"},
        "started": "2026-01-01T00:00:00+00:00",
        "grader": "0.1.0",
    }
    return Report(**(fields | more))


@pytest.mark.parametrize("model", FIELDS, ids=lambda model: model.__name__)
def test_fields(model: Any) -> None:
    promised, added = FIELDS[model]
    assert set(model.model_fields) == promised | added


@pytest.mark.parametrize(("model", "field"), VALUES, ids=str)
def test_values(model: Any, field: str) -> None:
    assert get_args(model.model_fields[field].annotation) == VALUES[model, field]


@pytest.mark.parametrize(("status", "code"), [("passed", 0), ("failed", 1), ("ungraded", 3)])
def test_exit_codes(status: str, code: int) -> None:
    assert report(status).exit_code == code


def test_a_report_is_json_and_comes_back_the_same() -> None:
    text = report().model_dump_json()
    assert Report.model_validate_json(text) == report()
    assert json.loads(text)["student"] is None
    assert json.loads(text)["schema_version"] == 1


@pytest.mark.parametrize("wrong", [{"status": "ok"}, {"schema_version": 2}, {"grade": 5}, {"score": "many"}])
def test_nothing_else_gets_in(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        report(**wrong)
