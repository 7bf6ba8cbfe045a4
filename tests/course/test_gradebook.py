"""What a student's grade of a course comes to, by hand-made grades."""

from __future__ import annotations

from pathlib import Path

import pytest

from grader.course.command import _of_one_name
from grader.course.gradebook import CourseGradebook, Person, as_csv, gradebook
from grader.errors import UsageError
from grader.grades.course_rules import CourseRules, course_rules
from grader.grades.grades import Grade, Grades

Points = float | str | None


def course(rules: dict[str, object] | None = None, **students: list[Points]) -> CourseGradebook:
    """A course of exercises of 10 points; a text is a status without points."""
    n = len(next(iter(students.values())))
    classes = {}
    for place in range(n):
        grades = []
        for name, points in students.items():
            point = points[place]
            if isinstance(point, str):
                grades.append(Grade.model_validate({"student": name, "status": point, "max_score": 10}))
            elif point is not None:
                status = "passed" if point == 10 else "failed"
                grades.append(
                    Grade.model_validate({"student": name, "status": status, "score": point, "max_score": 10})
                )
        classes[f"e{place}"] = Grades(exercise=f"e{place}", title="", max_score=10, grades=grades)
    return gradebook(classes, {}, CourseRules.model_validate(rules or {}))


def ada(*points: Points, **rules: object) -> Person:
    return course(rules, Ada=list(points), Zoe=[10.0] * len(points)).people[0]


def test_what_was_not_handed_in_is_nothing_and_what_is_not_graded_is_left_out() -> None:
    assert ada(10, 5).percent == 75
    assert ada(10, "missing").percent == 50
    assert ada(10, None).percent == 50, "nothing of that exercise came from her at all"
    for status in ("ungraded", "pending"):
        waiting = ada(10, status)
        assert (waiting.percent, waiting.final, waiting.passed, waiting.grade) == (100, False, None, "")
        assert waiting.marks[1].passed is None


def test_best_and_drop_leave_out_the_worst() -> None:
    best = ada(10, 2, 6, "missing", best=2)
    assert best.percent == 80
    assert [mark.counts for mark in best.marks] == [True, False, True, False]
    assert ada(10, 2, 6, "missing", drop=2).percent == 80
    assert ada(10, 2, drop=5).percent == 100, "one is always left"


def test_weights_and_bonus() -> None:
    assert ada(10, 5, exercises={"e0": {"weight": 3}}).percent == 87.5
    bonus = {"e1": {"bonus": True, "weight": 0.5}}
    assert ada(6, 4, exercises=bonus).percent == 80
    assert ada(6, 0, exercises=bonus).percent == ada(6, "missing", exercises=bonus).percent == 60
    assert ada(10, 10, exercises=bonus).percent == 100, "nobody has more than all"


def test_pass_marks_are_met_at_the_mark() -> None:
    assert ada(5, 5).passed is True
    assert ada(4.9, 5).passed is False
    own = ada(9, 9, exercises={"e1": {"pass": 95}})
    assert [mark.passed for mark in own.marks] == [True, False]
    assert ada(0.1 + 0.2, 0.3, **{"pass": 3}).passed is True, "sums of floats"


def test_a_scale_gives_the_highest_grade_reached() -> None:
    scale = {"scale": {"5": 90, "3": 70, "1": 50}}
    assert [ada(points, points, **scale).grade for points in (10, 9, 8.9, 5, 4)] == ["5", "5", "3", "1", ""]


def test_students_to_look_after_and_why() -> None:
    def risks(*points: Points) -> str:
        return " ".join(ada(*points).risks)

    assert risks(10, 10, 10, 10) == ""
    assert "last two exercises" in risks(10, 10, "missing", None)
    assert "2 of 4 exercises" in risks("missing", 10, "missing", 10)
    assert "Falling: 60 % in the last 3 exercises, 100 % before" in risks(10, 10, 10, 6, 6, 6)
    assert "2 exercises could not be graded" in risks("ungraded", 10, "ungraded", 10)
    assert "Below the pass mark: 20 % of 50 %" in risks(2, 2)


def test_two_of_one_name_are_told_where_their_numbers_differ() -> None:
    """Moodle's numbers are an assignment's own: nobody is said to have handed nothing in without a word."""
    found = course(Ada_11=[10.0, None], Ada_12=[5.0, None], Ada_27=[None, 10.0], Bob_1=[1.0, None])
    assert _of_one_name(found) == ["Ada_11", "Ada_12", "Ada_27"]
    assert _of_one_name(course(Ada_11=[10.0, 1.0], Ada_12=[5.0, 2.0])) == []


def of_several(counts: str, *grades: dict[str, object]) -> tuple[Person, list[str]]:
    """One student under several names in one exercise of 10 points."""
    named = [
        Grade.model_validate({"student": f"a{place}", "status": "failed", "max_score": 10} | grade)
        for place, grade in enumerate(grades)
    ]
    classes = {"e0": Grades.model_validate({"exercise": "e0", "title": "", "max_score": 10, "counts": counts})}
    classes["e0"].grades = named
    found = gradebook(classes, {}, CourseRules.model_validate({"same": {"Ada": [one.student for one in named]}}))
    (person,) = found.people
    return person, found.several


def test_who_has_several_names_is_one_student() -> None:
    same = {"same": {"Ada": ["ada.l", "s1"]}}
    found = course(same, **{"Ada": [10.0, None, None], "ada.l": [None, 6.0, None], "s1": [None, "missing", 2.0]})
    (person,) = found.people
    assert (person.student, person.percent, found.several) == ("Ada", 60, [])
    assert [mark.called for mark in person.marks] == ["Ada", "ada.l", "s1"]
    assert [one.students for one in found.exercises] == [1, 1, 1]


def test_of_several_grades_of_one_student_that_counts_which_would_of_attempts() -> None:
    early, late = "2026-11-01T10:00:00+00:00", "2026-11-01T11:30:00+01:00"
    older, newer = {"score": 8, "handed_in": early}, {"score": 5, "handed_in": late}
    person, said = of_several("last", newer, older)
    assert (person.percent, said) == (50, ["e0: Ada has a0 5 and a1 8; the newest counts: a0."])
    person, said = of_several("best", newer, older)
    assert (person.percent, said) == (80, ["e0: Ada has a0 5 and a1 8; the best counts: a1."])
    # Nothing counted any more when the newest came.
    gone = {"score": 0, "earned": 9, "penalty": 9, "late_seconds": 9e5, "handed_in": late}
    assert of_several("last", gone, older)[0].percent == 80
    # Nobody is the worse for what nobody knows.
    person, said = of_several("last", {"score": 5}, older)
    assert person.percent == 80
    assert "which is the newest is not known, and the better one counts: a1." in said[0]
    # What is not graded yet may be the better one.
    person, said = of_several("best", {"status": "ungraded", "handed_in": late}, older)
    assert (person.marks[0].status, person.final) == ("ungraded", False)
    assert said == ["e0: Ada has a0 no grade yet and a1 8; the best counts: a0."]
    # What was given by hand goes before all, the newest of it.
    first, second = (
        {"score": score, "override": {"student": "", "score": score, "reason": "x", "when": f"2026-11-0{score}"}}
        for score in (3, 4)
    )
    person, said = of_several("best", second, first, older)
    assert person.percent == 40
    assert "what was given by hand counts: a0." in said[0]


def test_names_of_nobody_are_told() -> None:
    with pytest.raises(UsageError) as caught:
        course({"same": {"Ada": ["ada.l"]}}, Ada=[1.0], **{"ada.k": [1.0]})
    assert caught.value.message == "[same] in course.toml names ada.l, whom no results have."
    assert caught.value.advice == "Do you mean 'ada.k' or 'Ada'?"
    with pytest.raises(UsageError) as caught:
        course({"same": {"Ada": ["zzz"]}}, Ada=[1.0])
    assert caught.value.advice == "The names are in each exercise's gradebook.csv."


def test_the_sheet_runs_nothing() -> None:
    text = as_csv(course(**{"=1+1": [10.0], "Ada": ["ungraded"]}))
    assert text.splitlines()[1].startswith("'=1+1,10,100.0,yes,yes")
    assert text.splitlines()[2].startswith("Ada,ungraded,,no,,")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("best = 3\ndrop = 1", "two ways to say the same"),
        ("pass = 120", "`pass` is 120; it has to be at most 100"),
        ("[exercises.110]\nwieght = 2", "`exercises.110.wieght` is nothing that is known here"),
        ("weights", "is no TOML"),
        ("[exercises.110]\nweight = inf", "`exercises.110.weight`"),
        ('[same]\nAda = ["a"]\nBob = ["a"]', "`same` gives 'a' to both 'Ada' and 'Bob'; a name is one's own"),
        ('[same]\nAda = ["Bob"]\nBob = ["b"]', "`same` gives 'Bob' to both 'Ada' and 'Bob'"),
        ("[same]\nAda = []", "`same.Ada`"),
    ],
)
def test_slips_of_the_pen_are_told(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "course.toml").write_text(text)
    with pytest.raises(UsageError) as caught:
        course_rules(None, tmp_path)
    assert said in caught.value.message


def test_the_pass_mark_of_an_exercise_is_the_one_that_is_said_of_it_alone() -> None:
    none, own = CourseRules(), 0.8
    said = CourseRules.model_validate({"pass": 60, "exercises": {"e0": {"pass": 90}}})
    assert [none.share_to_pass("e0", None), none.share_to_pass("e0", own)] == [0.5, own]
    assert [said.share_to_pass("e0", own), said.share_to_pass("e1", own), said.share_to_pass("e1", None)] == [
        *(0.9, own, 0.6)
    ]


def test_the_same_three_words_everywhere() -> None:
    found = course({"pass": 60}, Ada=[10.0, 10.0], Bob=[6.0, 10.0], Cid=[5.9, 0.0], Dan=["missing", "ungraded"])
    assert [[mark.verdict for mark in one.marks] for one in found.people] == [
        ["full", "full"],
        ["passed", "full"],
        ["failed", "failed"],
        ["missing", "ungraded"],
    ]
    assert [one.verdict for one in found.people] == ["full", "passed", "failed", "pending"]
    assert [row.split(",")[6] for row in as_csv(found).splitlines()] == [
        *("verdict", "full marks", "passed", "not passed", "pending")
    ]
    assert [one.passed for one in found.exercises] == [2, 2]
