"""JUnit's XML, as Jenkins and most other CI systems read it: a testsuite a student, a testcase a check."""

from __future__ import annotations

import re
from collections.abc import Sequence
from xml.etree import ElementTree as ET

from grader.language import speaking
from grader.platforms.roster import Entry
from grader.render.feedback import for_student, points, told
from grader.report import CheckReport, Report
from grader.text import plain

# What XML 1.0 has no way to write.
_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_KINDS = {"failed": "failures", "error": "errors", "skipped": "skipped"}
_ELEMENTS = {"failed": "failure", "error": "error", "skipped": "skipped"}


def of_report(report: Report) -> str:
    """One report as XML."""
    return _written([_suite(report.student or report.exercise, report)], report.exercise)


def of_class(entries: Sequence[Entry], exercise: str) -> str:
    """A class as XML: who has no report is a testsuite whose only testcase was skipped."""
    suites = [_suite(one.student, one.report) if one.report is not None else _without(one) for one in entries]
    return _written(suites, exercise)


def _written(suites: list[ET.Element], name: str) -> str:
    root = ET.Element("testsuites", name=_line(name))
    for attribute in ("tests", "failures", "errors"):
        root.set(attribute, str(sum(int(suite.get(attribute, "0")) for suite in suites)))
    root.set("time", _seconds(sum(float(suite.get("time", "0")) for suite in suites)))
    root.extend(suites)
    ET.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n"


def _suite(student: str, report: Report) -> ET.Element:
    with speaking(report.language):
        checks = for_student(report)
        suite = ET.Element("testsuite", name=_line(student), tests=str(len(checks)))
        for status, attribute in _KINDS.items():
            suite.set(attribute, str(sum(check.status == status for check in checks)))
        suite.set("time", _seconds(sum(check.seconds for check in checks)))
        if stamp := re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", report.started):
            suite.set("timestamp", stamp[0])
        suite.extend(_case(check, report.exercise) for check in checks)
        said = [points(report.score, report.max_score)] if report.status != "ungraded" else []
        ET.SubElement(suite, "system-out").text = _text("\n".join([*said, report.execution.error or ""]).strip())
    return suite


def _case(check: CheckReport, exercise: str) -> ET.Element:
    case = ET.Element("testcase", name=_line(check.title), classname=_line(f"{exercise}.{check.name}"))
    case.set("time", _seconds(check.seconds))
    if check.status in _ELEMENTS:
        found = ET.SubElement(case, _ELEMENTS[check.status], message=_line(check.message))
        found.text = _text("\n".join(told(check)))
    return case


def _without(entry: Entry) -> ET.Element:
    suite = ET.Element("testsuite", name=_line(entry.student), tests="1", failures="0", errors="0", skipped="1")
    suite.set("time", "0.000")
    case = ET.SubElement(suite, "testcase", name="handed in", classname="submission", time="0.000")
    ET.SubElement(case, "skipped", message=entry.grade.status)
    return suite


def _text(text: str) -> str:
    """Lines of text that XML can hold."""
    return _NOT_XML.sub("", plain(text, 4000, lines=True))


def _line(text: str) -> str:
    """The same in one line, for an attribute."""
    return _NOT_XML.sub("", plain(text, 1000))


def _seconds(seconds: float) -> str:
    return f"{max(0.0, seconds):.3f}"
