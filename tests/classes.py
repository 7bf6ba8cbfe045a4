"""Classes made up: results as a batch would leave them, without anything having been graded."""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from grader.grades.gradebook import Remarked, Summary, write_summary
from grader.grades.grades import Grade, Grades, Override, write_grades
from grader.grades.results import Results
from grader.report import CheckReport, CheckStatus, DataReport, ExecutionReport, Report
from tests.test_report import report

FIRST = ["Åsa", "Eeva", "Jörg", "Mikko", "Noor", "Olav", "Päivi", "Sini", "Tove", "Zoë"]
LAST = ["Hämäläinen", "Korhonen", "Ó Briain", "Lindström", "Mäkelä", "Nguyen", "Öberg", "Smith", "Virtanen", "Šimić"]

TITLES = ["`n_small` is right.", "`n_deep` is right.", "The model has as many parameters.", "The model learns."]
WRONG = ["It is 12, not 18.", "It is 42, not 46.", "`model` is not defined.", "It is {n}, which is not enough."]

# What somebody may be called, or may call a file, to see what happens.
HOSTILE = [
    "<script>document.title='pwned'</script>",
    "\"'><img src=x onerror=document.title='pwned'>",
    "../../../etc/passwd",
    "Eve \u202egnp.exe",
    "long " * 60,
    "{{ 7 * 7 }}",
    "--><!--",
    "%2e%2e%2f#?&=",
    "</title></style>",
]


def names(n: int) -> list[str]:
    """As many different names, with accents."""
    made = [f"{first} {last}" for last in LAST for first in FIRST]
    return [made[place % 100] + (f" {place // 100 + 1}" if place >= 100 else "") for place in range(n)]


def judged(student: str, statuses: Sequence[CheckStatus], *, message: str = "", **more: Any) -> Report:
    """A report of four checks, the last of them the teacher's own, a point each."""
    checks = [
        CheckReport(
            name=f"check_{place}",
            title=TITLES[place],
            status=status,
            score=1.0 if status == "passed" else 0.0,
            max_score=1.0,
            message=(message or WRONG[place]) if status == "failed" else "It broke." if status == "error" else "",
            hint="Count the biases, too." if status == "failed" else "",
            hidden=place == 3,
        )
        for place, status in enumerate(statuses)
    ]
    score = sum(one.score for one in checks)
    status = "ungraded" if "error" in statuses else "passed" if score == len(checks) else "failed"
    fields = {"checks": checks, "score": score, "max_score": 4.0, "student": student, "exercise": "110"}
    fields |= {"title": "Digits", "data": DataReport(name="full", sets=["mnist"])}
    return report(**({"status": status} | fields | more))


def members(n: int, seed: int = 0) -> list[tuple[Grade, Report | None]]:
    """A class of every kind of student."""
    pick = random.Random(seed)
    made: list[tuple[Grade, Report | None]] = []
    for place, student in enumerate(names(n)):
        if place % 50 == 7:
            made.append((Grade(student=student, status="missing", max_score=4.0), None))
            continue
        kinds: list[CheckStatus] = ["passed", "failed", "skipped"]
        statuses = [pick.choices(kinds, (6, 3, 1))[0] for _ in TITLES]
        if place % 60 == 9:
            statuses[2] = "error"
        seconds = round(pick.lognormvariate(1, 1), 2)
        found = judged(student, statuses, execution=ExecutionReport(status="ok", seconds=seconds))
        for one in found.checks:
            one.message = one.message.replace("{n}", f"0.{pick.randrange(10**4):04}")
        made.append((_grade(found, place), found))
    return sorted(made, key=lambda one: (one[0].student.casefold(), one[0].student))


def _grade(found: Report, place: int) -> Grade:
    student = str(found.student)
    if found.status == "ungraded":
        return Grade(student=student, status="ungraded", max_score=4.0, attempt=1, attempts=1)
    late = 3600.0 * place if place % 20 == 3 else 0.0
    penalty = min(found.score, 0.5) if late else 0.0
    by_hand = Override(student=student, score=3.5, reason="Was ill.", by="Teacher") if place % 100 == 5 else None
    return Grade(
        student=student,
        status=found.status,
        score=by_hand.score if by_hand else found.score - penalty,
        max_score=4.0,
        earned=found.score,
        penalty=penalty,
        attempt=1 + place % 2,
        attempts=1 + place % 3 if place % 2 else 1 + place % 2,
        handed_in=f"2026-01-{1 + place % 28:02}T12:{place % 60:02}:00+02:00",
        late_seconds=late,
        override=by_hand,
    )


def executed(student: str) -> Any:
    """A notebook that has run: the same cells for everybody, with an output of one's own."""
    cells = [
        new_markdown_cell("# Digits\n\nThe loss is $-\\sum_k y_k \\log p_k$.\n\n1. Load them.\n2. Train."),
        new_code_cell("import torch\n\nmodel = torch.nn.Sequential(torch.nn.Linear(784, 10))", execution_count=1),
        *(
            new_code_cell(
                f"for epoch in range({place}):\n    print(epoch)",
                execution_count=place,
                outputs=[new_output("stream", name="stdout", text=f"{student}: {place}\n" * 8)],
            )
            for place in range(2, 12)
        ),
    ]
    return new_notebook(cells=cells)


def write_result(folder: Path, found: Report) -> None:
    """A student's result, as `Results.save` writes it, without its care for the disk."""
    folder.mkdir(parents=True, exist_ok=True)
    text = found.model_dump_json(indent=2)
    digest = hashlib.sha256(text.encode()).hexdigest()
    (folder / "report.json").write_bytes(text.encode())
    (folder / "key.json").write_text(json.dumps({"key": "k" * 64, "report": digest}))
    (folder / "executed.ipynb").write_text(json.dumps(executed(str(found.student))))


def write_class(results: Path, class_: Sequence[tuple[Grade, Report | None]], told: Sequence[Remarked] = ()) -> Path:
    """Write a results folder as a batch leaves it, but for the gradebook; the folder."""
    for grade, found in class_:
        if found is not None:
            write_result(Results(results).folder(grade.student), found)
    write_grades(results, Grades(exercise="110", title="Digits", max_score=4.0, grades=[one for one, _ in class_]))
    write_summary(results, summary(class_, told))
    return results


def summary(class_: Sequence[tuple[Grade, Report | None]], told: Sequence[Remarked] = ()) -> Summary:
    """Of it the pages take only what was said of files."""
    return Summary.model_validate(
        {
            "exercise": "110",
            "title": "Digits",
            "students": len(class_),
            "statuses": {},
            "max_score": 4.0,
            "scores": None,
            **{name: [] for name in ("checks", "most_failed", "slowest", "ungraded")},
            **{name: [] for name in ("data", "device", "seed", "grader")},
            "remarks": [one.model_dump() for one in told],
            "started": None,
            "seconds": 1.0,
        }
    )
