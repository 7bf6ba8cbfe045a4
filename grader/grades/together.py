"""Groups: what one submission is worth is every member's, each with the result in a folder of their own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from grader.grades.results import Results
from grader.intake.attempt import Attempt
from grader.intake.groups import Shared


def with_groups(results: Results, counted: Mapping[str, Attempt], groups: Shared) -> dict[str, Attempt]:
    """The attempt that counts of every student, with the other members of each group.

    Raises
    ------
    GradingError
        The result of a member cannot be written.
    """
    found = dict(counted)
    for one, others in groups.others.items():
        attempt = counted[one]
        for other in others:
            report = attempt.report
            if report is not None:
                results.share(one, other)
                report = report.model_copy(update={"student": other})
            found[other] = replace(attempt, submission=replace(attempt.submission, student=other), report=report)
    return found
