"""The language that is spoken: catalogues, plural forms, whose language it is, and the command in Finnish."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from grader.errors import ExerciseError
from grader.exercise import Exercise, load
from grader.figures import Accuracy
from grader.grading import Graded, Options
from grader.language import decimal, grouped, mark, ngettext, preferred, speak, speaking, spoken, tr
from grader.refusals import _reason
from grader.submission import Submission
from grader.text import listed, percent, size
from tests.conftest import ROOT, SAMPLE
from tests.test_cli import complaint, grade

PO = """
msgid "A hint."
msgstr "Vihje."

msgid "{what} is {found}."
msgstr "Arvo {found} on muuttujalla {what}."

msgid "{n} image"
msgid_plural "{n} images"
msgstr[0] "{n} kuva"
msgstr[1] "{n} kuvaa"
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An exercise's folder with a catalogue."""
    (tmp_path / "fi.po").write_text(PO, "utf-8")
    return tmp_path


# ---------------------------------------------------------------------- texts


def test_english_is_what_the_code_says() -> None:
    assert spoken() == "en"
    assert tr("{what} is {found}.", what="`x`", found=3) == "`x` is 3."
    assert [ngettext("{n} image", "{n} images", n) for n in (0, 1, 5000)] == ["0 images", "1 image", "5,000 images"]


def test_another_language_may_want_another_order(folder: Path) -> None:
    with speaking("fi", folder):
        assert spoken() == "fi"
        assert tr("{what} is {found}.", what="`x`", found=3) == "Arvo 3 on muuttujalla `x`."
    assert spoken() == "en"
    assert tr("{what} is {found}.", what="`x`", found=3) == "`x` is 3."


def test_plural_forms(folder: Path) -> None:
    with speaking("fi", folder):
        told = [ngettext("{n} image", "{n} images", n) for n in (0, 1, 2, 5000)]
    assert told == ["0 kuvaa", "1 kuva", "2 kuvaa", "5\N{NO-BREAK SPACE}000 kuvaa"]


def test_what_an_exercise_does_not_say_the_grader_does(folder: Path) -> None:
    with speaking("fi", folder):
        assert tr("A hint.") == "Vihje."
        assert tr("Work in smaller batches.") == "Laske pienemmissä erissä."
        assert tr("Nobody translated this.") == "Nobody translated this."
    with speaking("fi"):
        assert tr("A hint.") == "A hint."


def test_braces_mean_themselves_where_nothing_is_filled_in() -> None:
    for language in ("en", "fi"):
        with speaking(language):
            assert tr("a set {1, 2}") == "a set {1, 2}"
            assert tr("") == ""  # the catalogue keeps its header there
            assert tr("{what} is {found}.", what="{found}", found="{") in ("{found} is {.", "{found} on {.")


def test_a_mark_is_never_translated(folder: Path) -> None:
    with speaking("fi", folder):
        assert mark("A hint.") == "A hint."


def test_numbers() -> None:
    assert (grouped(1234567), decimal("97.3"), percent(0.973)) == ("1,234,567", "97.3", "97.3 %")
    assert listed(["a", "b", "c"]) == "a, b and c"
    assert [size(n) for n in (12, 4200, 42_000, 4.2e9)] == ["12 bytes", "4.2 kB", "42 kB", "4.2 GB"]
    with speaking("fi"):
        space = "\N{NO-BREAK SPACE}"
        assert (grouped(1234567), decimal("97.3"), percent(0.973)) == (f"1{space}234{space}567", "97,3", "97,3 %")
        assert [listed(names) for names in ([], ["a"], ["a", "b", "c"])] == ["", "a", "a, b ja c"]
        assert [size(n) for n in (12, 4200, 42_000, 4.2e9)] == ["12 tavua", "4,2 kB", "42 kB", "4,2 GB"]


# ---------------------------------------------------------------------- catalogues


def test_numbers_in_sentences() -> None:
    told = "{loss:.3f} {n:,} {share:.1%}"
    assert tr(told, loss=0.5, n=1234, share=0.973) == "0.500 1,234 97.3 %"
    with speaking("fi"):
        assert tr(told, loss=0.5, n=1234, share=0.973) == "0,500 1\N{NO-BREAK SPACE}234 97,3 %"


def test_lists_of_numbers() -> None:
    assert tr("{losses:.2f} of {n}", losses=[0.5, 0.25], n=2) == "0.50, 0.25 of 2"
    assert tr("{losses:.2f}{none:.1%}", losses=[0.5], none=()) == "0.50"
    with speaking("fi"):
        assert tr("{losses:.2f}", losses=(0.5, 0.25)) == "0,50; 0,25"


def test_a_newer_catalogue_is_read_anew(folder: Path) -> None:
    path = folder / "fi.po"
    with speaking("fi", folder):
        assert tr("A hint.") == "Vihje."
    path.write_text(PO.replace("Vihje.", "Toinen vihje."), "utf-8")
    os.utime(path, ns=(1, 1))
    with speaking("fi", folder):
        assert tr("A hint.") == "Toinen vihje."


@pytest.mark.parametrize("broken", [b'msgid "no end', 'msgid "A hint."\nmsgstr "ä"'.encode("latin-1")])
def test_a_broken_catalogue_is_the_exercises_fault(folder: Path, broken: bytes) -> None:
    (folder / "fi.po").write_bytes(broken)
    with pytest.raises(ExerciseError, match=r"fi\.po cannot be read") as raised, speaking("fi", folder):
        pass
    assert raised.value.advice
    assert spoken() == "en"


# ---------------------------------------------------------------------- whose language


@pytest.mark.parametrize(
    ("environment", "language"),
    [
        ({}, "en"),
        ({"LANG": "fi_FI.UTF-8"}, "fi"),
        ({"LANG": "fi"}, "fi"),
        ({"LANG": "C.UTF-8"}, "en"),
        ({"LANG": "sv_SE.UTF-8"}, "en"),
        ({"LANG": "fi_FI.UTF-8", "LC_ALL": "C"}, "en"),
        ({"LANG": "fi_FI.UTF-8", "LC_ALL": "", "LC_MESSAGES": "en_GB.UTF-8"}, "en"),
        ({"LANG": "C", "LC_ALL": "C", "GRADER_LANG": "fi"}, "fi"),
        ({"LANG": "fi_FI.UTF-8", "GRADER_LANG": "en"}, "en"),
        ({"GRADER_LANG": "FI-fi"}, "fi"),
    ],
)
def test_the_language_of_whoever_sits_here(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], language: str
) -> None:
    for name in ("GRADER_LANG", "LC_ALL", "LC_MESSAGES", "LANG"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert preferred() == language


def test_each_thread_speaks_its_own(folder: Path) -> None:
    met, heard = threading.Barrier(3, timeout=20), dict[str, str]()

    def work(language: str | None) -> None:
        if language is not None:
            speak(language, folder)
        met.wait()
        heard[str(language)] = tr("A hint.")

    with speaking("fi", folder):
        threads = [threading.Thread(target=work, args=[one]) for one in ("fi", "en", None)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(20)
        assert tr("A hint.") == "Vihje."
    assert heard == {"fi": "Vihje.", "en": "A hint.", "None": "A hint."}


def test_the_language_before_comes_back_whatever_happens(folder: Path) -> None:
    with speaking("fi", folder):
        with pytest.raises(ZeroDivisionError), speaking("en"):
            _ = 1 / len(tr("A hint.").removeprefix("A hint."))
        assert tr("A hint.") == "Vihje."


# ---------------------------------------------------------------------- reports

WRONG = '''
from grader.checks import *

ABOUT_X = tr("The hint about x.")

@check(points=1, hint=ABOUT_X)
def x_is_three(run):
    """`x` is three."""
    expect_count(run.value("x"), 3, "`x`")

@check(points=1, needs=x_is_three)
def y_is_three(run):
    """`y` is three."""

@check(points=1)
def z_is_there(run):
    """`z` is there."""
    run.value("z")

@check(points=1)
def f_is_called(run):
    """`f` is called."""
    run.call("f", 1)

@check(points=1)
def guesses(run):
    """The guesses are right."""
    import numpy as np
    return expect_accuracy([1] * 2000, np.array([1] * 1900 + [0] * 100), at_least=run.value("least"))

@check(points=1)
def breaks(run):
    """It breaks."""
    {}["a key"]
'''
WRONG_PO = """
msgid "The hint about x."
msgstr "Vihje x:stä."

msgid "`x` is three."
msgstr "`x` on kolme."

msgid "The guesses are right."
msgstr "Arvaukset ovat oikein."
"""


@pytest.fixture
def in_finnish(make_exercise: Callable[..., Exercise], grade_cells: Callable[..., Graded]) -> Callable[..., Graded]:
    """Grade cells in Finnish, with an exercise whose catalogue has three texts."""

    def run(*cells: str) -> Graded:
        (make_exercise(WRONG).folder / "fi.po").write_text(WRONG_PO, "utf-8")
        return grade_cells(*cells, checks=WRONG, options=Options(data="small", language="fi"))

    return run


def test_a_report_in_finnish(in_finnish: Callable[..., Graded]) -> None:
    graded = in_finnish("x = 4", "def f(n):\n    raise ValueError(str(n))", "least = 0.99", "1 / 0")
    x, y, z, f, guesses, breaks = graded.report.checks
    assert (x.title, x.message, x.hint) == ("`x` on kolme.", "`x` on 4.", "Vihje x:stä.")
    assert y.message == "Ensin on läpäistävä ”`x` on kolme”."
    assert (z.message, z.hint[:14]) == ("`z` ei ole määritelty.", "Määrittele `z`")
    assert f.message == "`f(…)` päättyi virheeseen ValueError rivillä `raise ValueError(str(n))`: 1."
    assert guesses.message == (
        "Mitattu tarkkuus on 95,00 % (n = 2 000, 95 %:n luottamusväli 94,0 %–95,9 %); sen pitää olla vähintään 99 %."
    )
    assert isinstance(guesses.figures[0], Accuracy)
    assert guesses.figures[0].title == "tarkkuus"
    assert breaks.message.startswith("Tarkistus itse epäonnistui: KeyError: 'a key' (checks.py, rivi ")
    assert graded.report.execution.error == "Solu 4 päättyi virheeseen ZeroDivisionError: division by zero."
    assert (graded.report.language, graded.report.title) == ("fi", "Pieni harjoitus")


def test_the_same_report_in_english(grade_cells: Callable[..., Graded]) -> None:
    x, y, *_, guesses, _breaks = grade_cells("x = 4", "least = 0.9", checks=WRONG, options=SAMPLE).report.checks
    assert (x.title, x.message, x.hint) == ("`x` is three.", "`x` is 4.", "The hint about x.")
    assert y.message == "First “`x` is three” has to pass."
    assert guesses.message == "accuracy 95.00 % of 2,000 (95 % interval 94.0 % to 95.9 %)"


def test_a_notebook_that_cannot_be_read_in_finnish(in_finnish: Callable[..., Graded]) -> None:
    report = in_finnish().report
    assert report.execution.error.startswith("Muistikirjassa ei ole koodisoluja.")
    assert {check.message for check in report.checks} == {"Muistikirjaa ei voi lukea."}


def test_what_travels_to_another_process_is_told_in_the_students_language(tmp_path: Path) -> None:
    from grader.exercise_files import Files
    from grader.workers.tasks import Task

    task = Task.of(Submission(tmp_path), Files(), Options(data="small", language="fi"))
    assert task.flaw == "Muistikirja on kansio eikä tiedosto."


def test_every_reason_of_the_probe_is_known() -> None:
    """The kernel speaks English: what it says of a useless value is recognised, and translated, here."""
    raised = [
        node.args[0]
        for node in ast.walk(ast.parse((ROOT / "grader" / "kernel" / "probe.py").read_text("utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Unusable"
    ]
    said = ["".join(str(getattr(part, "value", "")) if isinstance(part, ast.Constant) else "7" for part in parts)
            for parts in (one.values if isinstance(one, ast.JoinedStr) else [one] for one in raised)]  # fmt: skip
    assert len(said) > 8
    for reason in said:
        assert _reason(reason) == reason
        with speaking("fi"):
            assert _reason(reason) != reason
            assert ("7" in _reason(reason)) == ("7" in reason)
    with speaking("fi"):
        assert _reason("something that a forged kernel says {n}") == "something that a forged kernel says {n}"


# ---------------------------------------------------------------------- the command


@pytest.fixture
def wrong_100(write_notebook: Callable[..., Path]) -> Path:
    return write_notebook("chapter_network = 12345\nembedding = ...", "1 / 0")


def test_the_command_in_finnish(wrong_100: Path) -> None:
    done = grade(wrong_100, "--exercise", "100", "--lang", "fi")
    assert done.returncode == 1, done.stderr
    assert "Ajetaan solua 1/2" in done.stderr
    told = " ".join(done.stdout.split())
    for sentence in (
        "100 Parametrien laskeminen 0/20 pistettä",
        "Solu 2 päättyi virheeseen ZeroDivisionError: division by zero.",
        "hylätty ✗ 0/2 `chapter_network` on luvun 100 verkon parametrien määrä.",
        "`chapter_network` on 12345, mikä ei ole oikein. Vihje: Laske jokainen kuvan nuoli.",
        "`embedding` on yhä `...`.",
        "`figure_3_6` ei ole määritelty.",
        "ei arvioitu – 0/1 `count_module` jättää jäädytetyt parametrit laskematta.",
        "0/20 pistettä, ei läpäisty Tarkistuksista läpäisty 0/12. Seuraavaksi: `chapter_network` on 12345",
        "Laite cpu, siemenluku 0, ",
    ):
        assert sentence in told
    english = {"is", "not", "the", "has", "Hint:", "Cell", "failed", "points", "First", "Next:"}
    assert not english & set(told.split())


def test_the_command_in_english(wrong_100: Path) -> None:
    done = grade(wrong_100, "--exercise", "100", "--lang", "en", GRADER_LANG="fi")
    assert done.returncode == 1, done.stderr
    assert "Running cell 1 of 2" in done.stderr
    told = " ".join(done.stdout.split())
    for sentence in (
        "100 Counting parameters 0/20 points",
        "Cell 2 raised ZeroDivisionError: division by zero.",
        "`chapter_network` is 12345, which is not right. Hint: Count every arrow in the picture.",
        "0/20 points, not passed 0 of 12 checks passed. Next: ",
    ):
        assert sentence in told


def test_the_language_of_the_system_is_taken(wrong_100: Path) -> None:
    done = grade(wrong_100, "--exercise", "100", "--json", GRADER_LANG="", LC_ALL="fi_FI.UTF-8")
    report = json.loads(done.stdout)
    assert report["language"] == "fi"
    assert report["checks"][0]["title"] == "`chapter_network` on luvun 100 verkon parametrien määrä."


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["nowhere.ipynb"], "Polkua nowhere.ipynb ei ole. Anna harjoituksen kansio tai muistikirja (.ipynb)."),
        (["small.ipynb", "--exercise", "999"], "Harjoitusta '999' ei ole. Harjoitukset ovat 100,"),
        (["small.ipynb"], "Mikään ei kerro, mihin harjoitukseen small.ipynb kuuluu."),
        (["small.ipynb", "--exercise", "100", "--device", "tpu"], "Laitetta 'tpu' ei ole."),
        (["small.ipynb", "--exercise", "110", "--data", "full"], "Oikeaa aineistoa 'mnist' ei ole kansiossa"),
        (["list", "--fast"], "Valitsinta `--fast` ei ole. Katso `grade --help`."),
        (["small.ipynb", "--data", "some"], "`--data`: some ei ole mikään näistä: auto, full, sample, small. Katso"),
        (["small.ipynb", "--seed", "-1"], "`--seed` ei voi saada tätä arvoa."),
        (["data", "fetch", "cifar"], "Aineistoa 'cifar' ei ole. Aineistot ovat mnist,"),
        (["data", "add", "small.ipynb"], "small.ipynb ei ole tämän kurssin aineisto."),
    ],
)
def test_complaints_in_finnish(write_notebook: Callable[..., Path], arguments: list[str], told: str) -> None:
    path = write_notebook("x = 1")
    done = grade(*arguments, cwd=path.parent, GRADER_LANG="fi", GRADER_DATA=str(path.parent / "no-data"))
    line = complaint(done.stdout, done.stderr)
    assert done.returncode == 2
    assert told in line, line


def test_help_lists_and_doctor_in_finnish(repository: Path, tmp_path: Path) -> None:
    def told(*arguments: str) -> str:
        done = grade(*arguments, cwd=repository, GRADER_LANG="fi", GRADER_DATA=str(tmp_path), COLUMNS="100")
        assert done.returncode == 0, done.stderr
        return " ".join(done.stdout.replace("│", " ").split())

    root = told("--help")
    for text in ("Käyttö:", "Valitsimet", "Komennot", "Arvostele yksi muistikirja", "Näytä tämä ohje ja lopeta."):
        assert text in root
    assert "Kaikkien satunnaislukujen siemenluku. [oletus: 0]" in told("notebook", "--help")
    assert "Lataa oikeat aineistot." in told("data", "--help")
    assert "Harjoitus Otsikko Pisteet Aineisto 100 Parametrien laskeminen 20" in told("list")
    assert "mnist puuttuu MNIST: käsin kirjoitetut numerot" in told("data", "status")
    doctor = told("doctor")
    assert "Muistikirjojen eristys on oma prosessi" in doctor
    assert "mnist puuttuu: grade data fetch mnist" in doctor
    assert "Usage: " in told("list", "--help", "--lang", "en")  # the command line has the last word


def test_commands_of_teachers_and_authors_speak_english(repository: Path) -> None:
    done = grade("validate", "999", cwd=repository, GRADER_LANG="fi")
    assert complaint(done.stdout, done.stderr).startswith("There is no exercise '999'. The exercises are 100, ")
    told = grade("validate", "--help", cwd=repository, GRADER_LANG="fi").stdout
    assert "Usage: " in told
    assert "Show this message and exit." in told


def test_a_broken_catalogue_is_told_in_a_sentence(
    make_exercise: Callable[..., Exercise], write_notebook: Callable[..., Path]
) -> None:
    exercise = make_exercise()
    (exercise.folder / "fi.po").write_text('msgid "no end')
    done = grade(write_notebook("x = 3"), "--exercise", exercise.folder, "--lang", "fi")
    assert done.returncode == 3
    assert "fi.po cannot be read" in complaint(done.stdout, done.stderr)


@pytest.mark.parametrize("command", [["list"], ["--help"], ["data", "status"]])
def test_english_needs_no_catalogue(repository: Path, command: list[str]) -> None:
    """Reading one takes longer than all that these commands do."""
    program = (
        f"import sys; sys.argv = ['grade', *{command}]\n"
        "import grader.cli\n"
        "try:\n    grader.cli.main()\nexcept SystemExit:\n    pass\n"
        "assert 'babel' not in sys.modules"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=repository, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr


def test_modules_may_be_imported_in_any_language(repository: Path) -> None:
    """What they write down at import is the same afterwards: they are imported when the command needs them."""
    program = (
        "from grader.language import speak\nspeak('fi')\n"
        "from grader.kernel.sandbox import ALWAYS, PROMISES\nfrom grader.datasets import DATASETS\n"
        "from grader.render.console import _VERDICTS\nfrom grader.judging import skipped\n"
        "print(ALWAYS, [*PROMISES], [one.title for one in DATASETS.values()], _VERDICTS, skipped.__defaults__)"
    )
    one, other = (
        subprocess.run(
            [sys.executable, "-c", text], cwd=repository, capture_output=True, text=True, timeout=60, check=True
        ).stdout
        for text in (program, program.replace("speak('fi')", ""))
    )
    assert one == other


def test_a_student_gets_the_translations_and_no_notebook_does(
    make_exercise: Callable[..., Exercise], tmp_path: Path
) -> None:
    from grader.bundle import _files
    from grader.workspace import companions

    (make_exercise().folder / "fi.po").write_text(WRONG_PO, "utf-8")
    assert [path.name for path in companions(tmp_path / "exercises" / "small")[0]] == []
    assert "exercises/100/fi.po" in _files(load(ROOT / "exercises" / "100"), None)


@pytest.mark.parametrize(
    ("template", "values", "english", "finnish"),
    [
        ("{loss:.3f}", {"loss": 0.12345}, "0.123", "0,123"),
        ("{n:,}", {"n": 25000}, "25,000", "25\N{NO-BREAK SPACE}000"),
        ("{x:,.1f}", {"x": 1234.56}, "1,234.6", "1\N{NO-BREAK SPACE}234,6"),
        ("{share:.1%}", {"share": 0.9731}, "97.3 %", "97,3 %"),
        ("{share:.0%}", {"share": np.float32(0.95)}, "95 %", "95 %"),
        ("{x:.4g}", {"x": np.float64(1e-7)}, "1e-07", "1e-07"),
        ("{x:.2f}", {"x": float("nan")}, "nan", "nan"),
        ("{n}", {"n": 3.5}, "3.5", "3.5"),
        ("{name}", {"name": "a.b"}, "a.b", "a.b"),
        ("{name:>4}", {"name": "a.b"}, " a.b", " a.b"),
        ("{{{x:.1f}}}", {"x": 0.5}, "{0.5}", "{0,5}"),
    ],
)
def test_numbers_are_written_as_the_language_writes_them(
    template: str, values: dict[str, object], english: str, finnish: str
) -> None:
    assert tr(template, **values) == english
    with speaking("fi"):
        assert tr(template, **values) == finnish


def test_fields_of_plurals_too() -> None:
    with speaking("fi"):
        assert (
            ngettext("{n} of {share:.1%}", "{n} of {share:.1%}", 1200, share=0.5) == "1\N{NO-BREAK SPACE}200 of 50,0 %"
        )


def test_what_a_template_is_given_cannot_look_into_it() -> None:
    """A value is put in as it is: what a student wrote is no template."""
    assert tr("{what} is wrong.", what="{0.__class__}") == "{0.__class__} is wrong."
