"""Names of students as names of folders."""

from __future__ import annotations

import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grader.intake.names import folder_name, short_hash


@pytest.mark.parametrize("student", ["alice", "Åsa Öberg", "jo_ann-2", "a.b", "王伟", "नमस्ते", "x" * 60])
def test_good_names_stay(student: str) -> None:
    assert folder_name(student) == student


@pytest.mark.parametrize(
    "student",
    [
        *("", ".", "..", "...", " ", "a/b", "a\\b", "../x", ".grade", "a.", "a ", "NUL", "con.txt", "x" * 101),
        *("王" * 100, "a\nb", "a\x00b", "\ud800", "O'Neil", "A\u030asa", "Ann", "ann lee", "ann-0123abcd"),
    ],
)
def test_other_names_change(student: str) -> None:
    name = folder_name(student)
    assert re.search(r"-[0-9a-f]{8}$", name)
    assert name != folder_name(student + "x")


def on_a_disk_without_case(name: str) -> str:
    """The name as no disk is more forgiving: neither case counts, nor how letters are composed."""
    return unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", name).upper().casefold())


@pytest.mark.parametrize(
    "alike",
    [
        *(("ann", "Ann", "ANN", "aNN"), ("Ann Lee", "ann lee", "Ann lee", "ANN LEE"), ("strasse", "straße", "STRASSE")),
        *(
            ("äiti", "Äiti", "A\u0308iti"),
            ("kim", "\u212aim", "KIM"),
            ("ivan", "\u0131van", "Ivan"),
            ("a b", "A B", "a B"),
        ),
        (f"ann-{short_hash('Ann')}", "Ann", "ann"),
    ],
)
def test_names_that_differ_in_case_alone_have_folders_of_their_own(alike: tuple[str, ...]) -> None:
    assert len({on_a_disk_without_case(folder_name(name)) for name in alike}) == len(alike)


@given(st.text(st.characters(), max_size=150), st.text(st.characters(), max_size=150))
def test_any_name_is_safe(one: str, other: str) -> None:
    name = folder_name(one)
    assert 0 < len(name) <= 100
    assert len(name.encode()) <= 220
    assert name[0] != "."
    assert name[-1] not in ". "
    assert not set(name) & set('/\\<>:"|?*\x00\n')
    assert (folder_name(other) == name) == (one == other)
    for alike in (one.upper(), one.lower(), one.swapcase(), one.title()):
        same = on_a_disk_without_case(folder_name(alike)) == on_a_disk_without_case(name)
        assert same == (alike == one)
