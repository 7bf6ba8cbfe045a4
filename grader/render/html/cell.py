"""The report as a table below a notebook's cell: `%grade`."""

from __future__ import annotations

from grader.language import speaking, tr
from grader.render.html.templates import template
from grader.report import Report, said_once


def cell_table(report: Report, saved: str = "") -> str:
    """The table as HTML without style sheets: Jupyter brings its own.

    Parameters
    ----------
    saved
        When the notebook was saved, for a person.
    """
    with speaking(report.language):
        marks = {
            "passed": f"✓ {tr('passed')}",
            "failed": f"✗ {tr('failed')}",
            "skipped": f"– {tr('not judged')}",
            "error": f"! {tr('grader error')}",
        }
        return template("cell.html.j2").render(
            report=report, checks=said_once(report.checks, report.execution), saved=saved, marks=marks
        )
