"""Reading otter's assignments: what they are worth, what students get, and what is refused."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_raw_cell
from typer.testing import CliRunner

from grader.cli import app
from grader.errors import UsageError
from grader.exercise import Exercise, load
from grader.foreign.otter import Source, read, seed_in, sources, zip_beside
from grader.foreign.otter_assign import assigned
from grader.foreign.otter_cells import is_of_otter, place, question_checked, without_otter
from grader.foreign.otter_tests import Case, Question, as_tests, from_metadata, read_file, shared_out
from grader.foreign.seeds import Seed
from grader.foreign.settings import settings
from grader.foreign.surroundings import surroundings
from grader.foreign.tests_file import read_tests
from grader.foreign.writing import write_exercise
from grader.grading import Options, grade
from grader.kernel.probe import run_before
from grader.kernel.warm import Warm
from grader.submission import Submission
from tests.foreign.otter.assignments import FIXTURES, KEPT, Fixture, block, code, handed_in, made_of, question, text
from tests.foreign.otter.forgeries import FORGED
from tests.foreign.otter.graded import OTHERWISE
from tests.foreign.reference import before_cells, judge_here

SCORES = json.loads(KEPT.read_text("utf-8"))


@pytest.mark.parametrize("name", FIXTURES)
def test_questions_are_worth_what_otter_says_they_are(name: str) -> None:
    worth: dict[str, float] = {}
    for coded in as_tests(assigned(FIXTURES[name].notebook).questions):
        if coded.test.form != "written":
            worth[coded.test.group] = worth.get(coded.test.group, 0) + coded.test.points
    for given in SCORES[name].values():
        assert {question: of for question, (_, of) in given.items()} == pytest.approx(worth)


def test_what_students_get_holds_no_solution_and_no_hidden_test(tmp_path: Path) -> None:
    path = FIXTURES["squares"].write(tmp_path / "squares", "squares")
    result = CliRunner().invoke(app, ["import", "otter", str(path), "-o", str(tmp_path / "exercises")])
    assert result.exit_code == 0, result.output
    folder = tmp_path / "exercises" / "squares"
    for file in folder.rglob("*"):
        if file.is_file() and file.name != "tests.toml":
            secrets = ("x * x", "square(-3)", "total = sum", "only for the author")
            assert not any(secret in file.read_text() for secret in secrets)
    cells = [cell.source for cell in nbformat.read(folder / "squares.ipynb", as_version=4).cells]
    assert "def square(x):\n    ...\nside = ..." in cells
    assert "def mean(xs):\n    ..." in cells
    assert "array = np.zeros(3)" in cells
    exercise = load(folder)
    reference = nbformat.read(exercise.reference, as_version=4)
    assert any("x * x # SOLUTION" in cell.source for cell in reference.cells)
    tests = read_tests(folder)
    assert tests is not None
    assert [test.name for test in tests.test if test.hidden] == ["q1_3", "q2_2"]
    assert [test.cell for test in tests.test[:2]] == ["check-q1", "check-q1"]
    ids = [cell.id for cell in reference.cells]
    assert {test.cell for test in tests.test} <= set(ids)
    last = next(test for test in tests.test if test.name == "q3_1").cell
    assert "np.arange" in reference.cells[ids.index(last)].source  # `check_cell: false`: behind the question


def test_written_answers_are_for_a_person() -> None:
    made = assigned(FIXTURES["grades"].notebook)
    written = [coded.test for coded in as_tests(made.questions) if coded.test.form == "written"]
    assert [(test.name, test.title, test.points) for test in written] == [("why", "Why", 4), ("plot", "Plot", 1)]
    assert "_Type your answer here, replacing this text._" in [cell.source for cell in made.starter.cells]
    assert not any("Since it is so" in cell.source for cell in made.starter.cells)


def test_what_gives_all_or_nothing_is_one_test() -> None:
    tests = {coded.test.name: coded for coded in as_tests(assigned(FIXTURES["raises"].notebook).questions)}
    whole: dict[str, object] = {}
    exec(tests["q2"].code, whole)  # the tests' own code
    call = whole["test_q2"]
    assert callable(call)
    call(names=["a", "b"], ordered=["a", "b"])
    with pytest.raises(AssertionError):
        call(names=["c", "b"], ordered=["b", "c"])
    assert "ordered[0]" not in tests["q2"].visible


def test_the_seed_that_students_have_is_not_the_graders() -> None:
    made = assigned(FIXTURES["seeds"].notebook)
    assert "seed = 5" in made.starter.cells[1].source
    assert "seed = 3" in made.reference.cells[1].source


OLD = new_notebook(
    cells=[
        new_raw_cell("```\nBEGIN ASSIGNMENT\nfiles:\n  - data.txt\n```"),
        new_markdown_cell("# An old one"),
        new_markdown_cell(
            "**Question 1.** Square.\n\n```\nBEGIN QUESTION\nname: q1\npoints:\n    each: 2\n```\n\nGo on."
        ),
        new_code_cell("def square(x):\n    return x * x # SOLUTION"),
        code("# Test\nsquare(2)", "4"),
        code("## Hidden Test ##\nsquare(3)", "9"),
        new_markdown_cell("```\nBEGIN QUESTION\nname: q2\nmanual: true\npoints: 3\n```\nWhy?"),
        new_markdown_cell("**SOLUTION:** So."),
        new_code_cell("secret = 1 # SOLUTION NO PROMPT"),
    ]
)
NEW = made_of(
    text("# An old one"),
    question(
        "name: q1\npoints: {each: 2}",
        text("**Question 1.** Square.\n\n\n\nGo on."),
        block("SOLUTION", code("def square(x):\n    return x * x # SOLUTION")),
        block("TESTS", code("square(2)", "4"), code("# HIDDEN\nsquare(3)", "9")),
    ),
    question("name: q2\nmanual: true\npoints: 3", text("Why?"), block("SOLUTION", text("**SOLUTION:** So."))),
    code("secret = 1 # SOLUTION NO PROMPT"),
    settings="files: [data.txt]\nstrip_solutions_from_all_cells: true",
)


def test_the_older_format_says_the_same_as_the_newer() -> None:
    old, new = assigned(OLD), assigned(NEW)
    assert old.settings == new.settings
    assert [coded.code for coded in as_tests(old.questions)] == [coded.code for coded in as_tests(new.questions)]
    for which in ("starter", "reference"):
        first, second = (getattr(one, which).cells for one in (old, new))
        assert [(cell.cell_type, cell.source) for cell in first] == [(cell.cell_type, cell.source) for cell in second]
    assert [(test.name, test.points, test.hidden) for test in (coded.test for coded in as_tests(old.questions))] == [
        ("q1_1", 2, False),
        ("q1_2", 2, True),
        ("q2", 3, False),
    ]


def test_blocks_may_stand_fenced_in_text() -> None:
    fenced = new_notebook(
        cells=[
            new_markdown_cell("# Fenced\n\n```otter\n# BEGIN QUESTION\nname: q1\n```\n\nDo it."),
            new_markdown_cell("```otter\n# BEGIN TESTS\n```"),
            code("1 + 1", "2"),
            new_markdown_cell("```otter\n# END TESTS\n```\n```otter\n# END QUESTION\n```\nAfter."),
        ]
    )
    made = assigned(fenced)
    assert [cell.source for cell in made.starter.cells if cell.cell_type == "markdown"] == [
        "# Fenced",
        "Do it.",
        "After.",
    ]
    assert [one.code for one in made.questions[0].cases] == [">>> 1 + 1\n2"]


@pytest.mark.parametrize(
    ("points", "cases", "shares"),
    [
        (None, [None, None], [0.5, 0.5]),
        (None, [0, None], [0, 1]),
        (None, [0, 0], [0, 0]),
        (None, [2, None], [2, 0]),
        (3.0, [1, None, None], [1, 1, 1]),
        (3.0, [3, None], [3, 0]),
        (5.0, [1, 2], [1, 2]),
        ([1.0, 2.0], [None, 7], [1, 2]),
        ([1.0, None], [None, None], [1, 0]),
    ],
)
def test_points_are_shared_out_as_otter_does(
    points: float | list[float | None] | None, cases: list[float | None], shares: list[float]
) -> None:
    found = Question("q", points, cases=[Case("", "doctest", points=one) for one in cases])
    assert shared_out(found) == shares


@pytest.mark.parametrize("points", [1.0, [1.0]])
def test_points_that_otter_refuses_are_refused(points: float | list[float | None]) -> None:
    with pytest.raises(UsageError, match="question q "):
        shared_out(Question("q", points, cases=[Case("", "doctest", points=2), Case("", "doctest")]))


OK_FILE = """OK_FORMAT = True

test = {'name': 'q1', 'points': None, 'all_or_nothing': False, 'suites': [{'type': 'doctest', 'scored': True, 'cases': [
    {'code': '>>> f(2)\\n'
             '4\\n', 'hidden': False, 'points': 2, 'name': 'of two'},
    {'code': '>>> f(3)\\n9\\n', 'failure_message': 'Three?'}]}]}
"""
FUNCTIONS = """from otter.test_files import test_case
import math

OK_FORMAT = False
name = "q2"
points = 3
LIMIT = math.inf

def near(a, b):
    return abs(a - b) < 1e-6

@test_case(points=1, hidden=False, success_message="Fine.")
def test_one(g):
    assert near(g(1), 1)

@test_case(None, None, True)
def test_two(env):
    assert env["g"](2) < LIMIT
"""


def test_files_of_tests_are_read_without_being_run() -> None:
    first, second = read_file(OK_FILE, "q1"), read_file(FUNCTIONS, "q2")
    tests = [coded for question in (first, second) for coded in as_tests([question])]
    assert [(one.test.title, one.test.points, one.test.hidden, one.test.form) for one in tests] == [
        ("of two", 2, False, "doctest"),
        ("q1 - 2", 0, True, "doctest"),
        ("q2 - 1", 1, False, "function"),
        ("q2 - 2", 2, True, "function"),
    ]
    assert [tests[1].test.failure, tests[2].test.success] == ["Three?", "Fine."]
    assert "otter" not in tests[2].code
    assert "def near" in tests[2].code
    assert tests[2].code.endswith("def test_one(g):\n    assert near(g(1), 1)\n")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("test = __import__('os').system('touch ran')", "no literal"),
        ("test = {'name': 'q', 'suites': []}", "no tests in OK's format"),
        ("test = {'name': 'q', 'suites': [{'cases': [], 'setup': 'x'}]}", "doctests alone"),
        ("x = 1", "no file of otter's tests"),
        ("def f(:", "no Python"),
        ("name = 'q'\n@test_case(points=print(1))\ndef test_a(): pass", "no literal"),
        ("name = 'q'\n@test_case(points='two')\ndef test_a(): pass", "for points"),
        ("(" * 500, "no Python"),
    ],
)
def test_files_that_are_none_of_otters_are_refused(text: str, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        read_file(text, "q")


@pytest.mark.parametrize("spec", [3, {}, {"suites": [1]}, {"suites": [{"cases": [{"code": 1}]}]}])
def test_tests_in_metadata_may_be_anything(spec: object) -> None:
    with pytest.raises(UsageError):
        from_metadata(spec, "q")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("a: &x [1]\nb: *x", "an alias"),
        ("!!python/object/apply:os.system ['true']", "no YAML"),
        ("[1, 2]", "no list of names"),
        ("a: [", "no YAML"),
        ("[" * 5000, "no YAML"),
        ("a" * 200_000, "too long"),
    ],
)
def test_settings_are_plain_values(text: str, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        settings(text, "The settings")


@pytest.mark.parametrize(
    ("cells", "says"),
    [
        ([new_raw_cell("# BEGIN SOLUTION")], "outside of a question"),
        ([new_raw_cell("# END QUESTION")], "that has not begun"),
        ([new_raw_cell("# BEGIN QUESTION\nname: q")], "does not end"),
        ([new_raw_cell("# BEGIN QUESTION")], "has no name"),
        ([*question("name: q"), *question("name: q")], "Two questions are named q"),
        (question("name: q", block("TESTS", text("no"))), "is a cell of text"),
        (question("name: q", block("TESTS", code("def"))), "no Python"),
        (question("name: q", block("SOLUTION", code("# BEGIN SOLUTION"))), "does not end"),
        (question("name: q\npoints: many", block("TESTS", code("1"))), "for points"),
    ],
)
def test_what_otter_refuses_is_refused(cells: list[nbformat.NotebookNode], says: str) -> None:
    with pytest.raises(UsageError, match=says):
        assigned(made_of(*cells))


def students_notebook() -> nbformat.NotebookNode:
    """A notebook as `otter assign` writes it for students."""
    return new_notebook(
        cells=[
            new_code_cell('# Initialize Otter\nimport otter\ngrader = otter.Notebook("lab.ipynb")'),
            new_markdown_cell("# Lab"),
            new_code_cell("def f(x):\n    ..."),
            new_code_cell('grader.check("q1")'),
            new_markdown_cell("<!-- BEGIN QUESTION -->\n\n## Why\n\n_Points:_ 3"),
            new_markdown_cell("_Type your answer here, replacing this text._"),
            new_markdown_cell("<!-- END QUESTION -->\n\nThe end."),
            new_code_cell("grader.check_all()"),
            new_code_cell("# Save first.\ngrader.export(run_tests=True)"),
        ],
        metadata={"otter": {"OK_FORMAT": True, "tests": {}}},
    )


@pytest.fixture
def written_by_assign(tmp_path: Path) -> Path:
    """The folder that `otter assign` writes, with its zip."""
    folder = tmp_path / "dist"
    for which in ("student", "autograder"):
        (folder / which).mkdir(parents=True)
        notebook = students_notebook()
        if which == "autograder":
            notebook.cells[2].source = "def f(x):\n    return x * x"
        nbformat.write(notebook, folder / which / "lab.ipynb")
    (folder / "student" / "data.csv").write_text("1\n")
    with zipfile.ZipFile(folder / "autograder" / "lab-autograder_2026_01_02T03_04_05_678901.zip", "w") as archive:
        archive.writestr("tests/q1.py", OK_FILE)
        archive.writestr("otter_config.json", json.dumps({"plugins": ["a.B"], "points_possible": 10}))
        archive.writestr("files/data.csv", "1\n")
    return folder


def test_what_assign_wrote_is_an_assignment(written_by_assign: Path, tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["import", "otter", str(written_by_assign), "-o", str(tmp_path / "exercises")])
    assert result.exit_code == 0, result.output
    assert "1 answer for you to grade" in result.output
    assert "Plugins are left out: a.B." in " ".join(result.output.split())
    folder = tmp_path / "exercises" / "lab"
    starter = nbformat.read(folder / "lab.ipynb", as_version=4)
    assert not any("otter" in cell.source or "grader." in cell.source for cell in starter.cells)
    tests = read_tests(folder)
    assert tests is not None
    assert [(test.name, test.points, test.cell) for test in tests.test] == [
        ("q1_1", 2, "check-q1"),
        ("q1_2", 0, "check-q1"),
        ("Why", 3, starter.cells[4].id),
    ]
    assert (folder / "data.csv").exists()
    assert "return x * x" in (tmp_path / "solutions" / "lab" / "lab.ipynb").read_text()


def test_an_autograders_zip_alone_makes_a_notebook_of_its_questions(written_by_assign: Path, tmp_path: Path) -> None:
    archive = zip_beside(written_by_assign / "autograder" / "lab.ipynb")
    assert archive is not None
    result = CliRunner().invoke(app, ["import", "otter", str(archive), "-o", str(tmp_path / "exercises")])
    assert result.exit_code == 0, result.output
    assert "There is no notebook in it" in " ".join(result.output.split())
    starter = nbformat.read(tmp_path / "exercises" / "lab" / "lab.ipynb", as_version=4)
    assert [cell.source for cell in starter.cells][:2] == ["# lab", "## q1"]


def test_tests_may_lie_in_the_notebooks_metadata(tmp_path: Path) -> None:
    notebook = students_notebook()
    spec = {"name": "q1", "points": 1, "suites": [{"cases": [{"code": ">>> f(2)\n4", "hidden": False}]}]}
    notebook.metadata["otter"]["tests"] = {"q1": spec}
    nbformat.write(notebook, tmp_path / "lab.ipynb")
    one = read(Source(tmp_path / "lab.ipynb", "lab"))
    assert [(coded.test.name, coded.code) for coded in one.tests] == [("q1", ">>> f(2)\n4\n"), ("Why", "")]
    assert one.reference is None


@pytest.mark.parametrize("name", ["nothing", "a.txt", "empty"])
def test_what_is_nothing_of_otters_is_told(tmp_path: Path, name: str) -> None:
    (tmp_path / "a.txt").write_text("")
    (tmp_path / "empty").mkdir()
    with pytest.raises(UsageError) as caught:
        sources(tmp_path / name)
    assert "otter assign" in caught.value.advice


@pytest.mark.parametrize(
    ("source", "is_otters", "checks"),
    [
        ('grader.check("q1")', False, "q1"),
        ("# here\ngrader.check('list of points')", False, "list of points"),
        ('grader.check("q1")\nx = 1', False, ""),
        ("import otter\ngrader = otter.Notebook()", True, ""),
        ("import otter\ngrader = otter.Notebook()\nx = 1", False, ""),
        ("grader.check_all()", True, ""),
        ("%pip install -q otter-grader", True, ""),
        ("answer = 3", False, ""),
    ],
)
def test_cells_of_otters_are_known_by_what_they_do(source: str, is_otters: bool, checks: str) -> None:
    assert is_of_otter(source) is is_otters
    assert question_checked(source) == checks


def test_files_outside_of_the_assignments_folder_are_left_out(tmp_path: Path) -> None:
    (tmp_path / "secret.txt").write_text("secret")
    notebook = made_of(
        question("name: q", block("TESTS", code("1", "1"))), settings="files: [../secret.txt, missing.csv]"
    )
    (tmp_path / "hw").mkdir()
    nbformat.write(notebook, tmp_path / "hw" / "hw.ipynb")
    one = read(Source(tmp_path / "hw" / "hw.ipynb", "hw"))
    assert not one.beside
    assert len(one.remarks) == 2


def test_files_that_students_write_are_the_references_own(tmp_path: Path) -> None:
    notebook = made_of(
        question("name: q", block("TESTS", code("import mine\nmine.x", "1"))),
        settings="student_files: [mine.py]\nfiles: [data.txt]",
    )
    (tmp_path / "mine.py").write_text("x = 1")
    (tmp_path / "data.txt").write_text("data")
    nbformat.write(notebook, tmp_path / "hw.ipynb")
    exercise = write_exercise(read(Source(tmp_path / "hw.ipynb", "hw")), tmp_path / "exercises").folder
    solution = tmp_path / "solutions" / "hw"
    assert [(one / "mine.py").exists() for one in (exercise, solution)] == [False, True]
    assert [(one / "data.txt").exists() for one in (exercise, solution)] == [True, False]


def as_otter_gives_it(starter: nbformat.NotebookNode, questions: Sequence[Question]) -> nbformat.NotebookNode:
    """The notebook that students have from otter itself: a check where a question is judged."""
    places = {place(one.name).id: one.name for one in questions}
    made = nbformat.from_dict(starter)
    for number, cell in enumerate(made.cells):
        if cell.id in places and cell.source == place(places[cell.id]).source:
            cell.source, cell.id = f'grader.check("{places[cell.id]}")', f"otters-{number}"
    return made


def given_here(fixture: Fixture, changes: Mapping[str, str | None]) -> dict[str, float]:
    """What each question of a submission gets here: each test is judged where its cell stands, else at the end."""
    made = assigned(fixture.notebook)
    tests = {coded.test.name: (coded.test, coded.code) for coded in as_tests(made.questions)}
    judged = {name: one for name, one in tests.items() if one[0].form != "written"}
    around = surroundings(cell.source for cell in made.reference.cells if cell.cell_type == "code")
    own = handed_in(as_otter_gives_it(made.starter, made.questions), changes)
    without_otter(own)
    got: dict[str, float] = {}
    for one in judge_here(own.cells, judged, around, before=before_cells(made.settings)):
        got[one.test.group] = got.get(one.test.group, 0) + (0 if one.outcome is None else one.test.points)
    return got


@pytest.mark.parametrize(("name", "student"), [(name, student) for name in FIXTURES for student in SCORES[name]])
def test_questions_get_what_otter_gives(
    name: str, student: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fixture = FIXTURES[name]
    fixture.write(tmp_path / name, name)
    monkeypatch.chdir(tmp_path / name)
    monkeypatch.syspath_prepend(str(tmp_path / name))
    theirs = {question: got for question, (got, _) in SCORES[name][student].items()}
    ours = given_here(fixture, fixture.submissions[student])
    assert ours == pytest.approx(theirs | dict(OTHERWISE.get((name, student), ({}, ""))[0]), abs=0.005)


@pytest.mark.parametrize(("student", "points"), [("right", [1, 1, 1, 1]), ("partial", [0, 1, 0, 0])])
def test_otters_seed_is_set_before_each_cell_and_for_what_tests_draw(
    tmp_path: Path, warm: Warm | None, student: str, points: list[float]
) -> None:
    fixture = FIXTURES["draws"]
    one = read(Source(fixture.write(tmp_path / "draws", "draws"), "draws"))
    assert not one.remarks
    exercise = load(write_exercise(one, tmp_path / "exercises").folder)
    nbformat.write(handed_in(one.starter, fixture.submissions[student]), tmp_path / "draws.ipynb")
    report = grade(Submission(tmp_path / "draws.ipynb"), exercise, Options(data="sample", warm=warm)).report
    assert [check.score for check in report.checks] == points, [check.message for check in report.checks]


def test_a_magic_of_the_whole_cell_is_not_seeded_again() -> None:
    shell = SimpleNamespace(user_ns={"x": 0}, events=SimpleNamespace(register=lambda _, run: runs.append(run)))
    runs: list[Callable[[SimpleNamespace], None]] = []
    run_before(shell, "x = x + 1")
    for source in ("y = 1", "%%time\ny = 2", "# %%\ny = 3"):
        runs[0](SimpleNamespace(raw_cell=source))
    assert shell.user_ns["x"] == 2


@pytest.mark.parametrize(
    ("said", "config", "seed"),
    [
        ({}, {}, None),
        ({}, {"seed": 0}, Seed(value=0)),
        ({}, {"seed": 3, "seed_variable": "rng_seed"}, Seed(value=3, variable="rng_seed")),
        (
            {"seed": {"variable": "s", "autograder_value": 7, "student_value": 5}},
            {"seed": 3},
            Seed(value=7, variable="s"),
        ),
        ({"seed": {"variable": None}}, {"seed": 3}, Seed(value=3)),
        ({}, {"seed": -1}, "is no whole number"),
        ({}, {"seed": True}, "is no whole number"),
        ({}, {"seed": [1]}, "is no whole number"),
        ({}, {"seed": 1, "seed_variable": "import os; x"}, "is no name"),
        ({}, {"seed": 1, "seed_variable": "for"}, "is no name"),
    ],
)
def test_a_seed_is_what_otter_would_set(said: dict[str, object], config: dict[str, object], seed: object) -> None:
    found = seed_in(said, config)
    if isinstance(seed, str):
        assert isinstance(found, str)
        assert seed in found
    else:
        assert found == seed


@pytest.fixture(scope="module")
def forged(tmp_path_factory: pytest.TempPathFactory) -> tuple[Exercise, nbformat.NotebookNode]:
    """The exercise that forgeries are made for, and its notebook as students have it from otter itself."""
    folder = tmp_path_factory.mktemp("forged")
    one = read(Source(FORGED.write(folder / "mean", "mean"), "mean"))
    students = as_otter_gives_it(one.starter, [Question("mean")])
    return load(write_exercise(one, folder / "exercises").folder), students


@pytest.mark.parametrize("submission", FORGED.submissions)
def test_forgeries_that_otter_pays_for_earn_nothing(
    forged: tuple[Exercise, nbformat.NotebookNode], submission: str, tmp_path: Path, warm: Warm | None
) -> None:
    exercise, students = forged
    nbformat.write(FORGED.handed_in(students, submission), tmp_path / "mean.ipynb")
    report = grade(Submission(tmp_path / "mean.ipynb"), exercise, Options(data="sample", warm=warm)).report
    wanted = "passed" if submission == "an honest right answer" else "failed"
    assert [one.status for one in report.checks] == [wanted] * 3, [one.message for one in report.checks]
    assert report.max_score == 3


def test_in_a_notebook_that_students_had_from_otter_questions_have_their_places() -> None:
    cells = [
        "# Initialize Otter\nimport otter\ngrader = otter.Notebook('squares.ipynb')",
        "def square(x):\n    return x * x",
        "grader.check('q1')",
        "square = None",
        'grader.check("q1")',
        "grader.export(pdf=False)",
        "# " * 40 + "x",
    ]
    handed_in = new_notebook(cells=[new_code_cell(one, id=f"c{n}") for n, one in enumerate(cells)])
    handed_in.cells.append(new_code_cell("square = 0", id="c7", metadata={"tags": ["otter_ignore"]}))
    handed_in.cells.append(new_code_cell("x = 1\ngrader.check('q2')\nx = 2", id="c8"))
    handed_in.cells.append(new_code_cell("if x:\n    grader.check('q3')\nx = 2; grader.check('q3')", id="c9"))
    cells[8:] = ["x = 1", "x = 2", handed_in.cells[-1].source]
    without_otter(handed_in)
    ids = ["c0", "c1", "c2", "c3", "check-q1", "c5", "c6", "c7", "c8", "check-q2", "c8-3", "c9"]
    assert [cell.id for cell in handed_in.cells] == ids
    run = [cell.source for cell in handed_in.cells if any(not one.startswith("#") for one in cell.source.splitlines())]
    assert run == [cells[1], cells[3], "x = 1", "x = 2", cells[-1]]
