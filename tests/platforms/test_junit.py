"""JUnit's XML, read back and held against the schema that Jenkins publishes (jenkins-junit.xsd)."""

from __future__ import annotations

import re
from xml.etree import ElementTree as ET

import pytest

from grader.platforms import junit
from tests.platforms.grades import HOSTILE, SECRET, checks, entry, report

# Of each element of the schema: attributes that must be there, those that may, and what may be in it.
TEXT = "text"
SCHEMA: dict[str, tuple[set[str], set[str], set[str]]] = {
    "testsuites": (set(), {"name", "time", "tests", "failures", "disabled", "errors"}, {"testsuite"}),
    "testsuite": (
        {"name", "tests"},
        {
            *("failures", "errors", "group", "time", "skipped", "timestamp", "hostname", "id", "package", "file"),
            *("log", "url", "version"),
        },
        {"testsuite", "properties", "testcase", "system-out", "system-err"},
    ),
    "testcase": (
        {"name"},
        {"assertions", "time", "timestamp", "classname", "status", "class", "file", "line", "log", "group", "url"},
        {"skipped", "error", "failure", "system-out", "system-err", "properties"},
    ),
    "failure": (set(), {"type", "message"}, {TEXT}),
    "error": (set(), {"type", "message"}, {TEXT}),
    "skipped": (set(), {"type", "message"}, {TEXT}),
    "system-out": (set(), set(), {TEXT}),
}
KINDS = {
    "time": r"\d+\.\d+",
    "tests": r"\d+",
    "failures": r"\d+",
    "errors": r"\d+",
    "skipped": r"\d+",
    "timestamp": r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d",
}


def read(text: str) -> ET.Element:
    """The XML, valid against the schema, and its sums right."""
    root = ET.fromstring(text.encode())
    assert root.tag == "testsuites"
    for element in root.iter():
        must, may, inside = SCHEMA[element.tag]
        assert must <= set(element.attrib) <= must | may
        for name, kind in KINDS.items():
            assert name not in element.attrib or re.fullmatch(kind, element.attrib[name])
        assert {child.tag for child in element} <= inside
        assert TEXT in inside or not (element.text or "").strip()
    for suite in root:
        cases = suite.findall("testcase")
        assert int(suite.attrib["tests"]) == len(cases)
        for name, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
            assert int(suite.attrib[name]) == sum(case.find(tag) is not None for case in cases)
    for name in ("tests", "failures", "errors"):
        assert int(root.attrib[name]) == sum(int(suite.attrib[name]) for suite in root)
    return root


def test_a_check_is_a_testcase() -> None:
    (suite,) = read(junit.of_report(report()))
    assert suite.attrib["name"] == "Anna Mäkelä"
    cases = {case.attrib["name"]: case for case in suite.findall("testcase")}
    assert list(cases)[:3] == ["The loss falls.", "`x` is three.", "`y` is four."]
    assert len(cases["The loss falls."]) == 0
    failure = cases["`x` is three."].find("failure")
    assert failure is not None
    assert (failure.attrib["message"], failure.text) == ("It is 2, not 3.", "It is 2, not 3.\nHint: Count.")
    assert cases["`y` is four."].find("skipped") is not None
    assert cases["The loss falls."].attrib["time"] == "0.250"


def test_hidden_checks_and_seeds_are_nobodys_business() -> None:
    text = junit.of_report(report())
    assert SECRET not in text
    assert "4711" not in text
    assert "A check of your teacher's own" in text


def test_the_graders_own_error_is_an_error() -> None:
    broken = [checks()[0].model_copy(update={"status": "error", "score": 0, "message": "It broke."})]
    (suite,) = read(junit.of_report(report(status="ungraded", checks=broken)))
    assert suite.attrib["errors"] == "1"
    assert "points" not in (suite.findtext("system-out") or "")


def test_a_class_has_a_suite_a_student_missing_ones_too() -> None:
    entries = [entry("Anna"), entry("Bob", None, report=None, status="missing")]
    root = read(junit.of_class(entries, "110"))
    assert [suite.attrib["name"] for suite in root] == ["Anna", "Bob"]
    assert root[1].find("testcase/skipped") is not None


@pytest.mark.parametrize("text", [*HOSTILE, "\x00\x01\x1f\ufffe\ud800\U0001f600", "]]>", "\x1b]0;title\x07"])
def test_any_text_can_be_written(text: str) -> None:
    check = checks(text)[1].model_copy(update={"title": text, "hint": text, "name": text})
    made = report(checks=[check], student=text, title=text, execution={"status": "error", "error": text})
    (suite,) = read(junit.of_report(made))
    told = "".join(suite.itertext()) + "".join(str(one.attrib) for one in suite.iter())
    assert not re.search("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe]", told)
    if text.isprintable():
        assert suite.attrib["name"] == text
        assert suite[0].attrib["name"] == text
