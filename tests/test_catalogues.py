"""The catalogues of translations: what is extracted, missing, stale; and that nothing is, for any exercise."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from grader.authored import modules_of
from grader.catalogues import TRANSLATED, Texts, extracted, faults, texts_of, texts_of_grader, update
from grader.exercise import exercise_folders, load
from grader.language import speaking, tr
from tests.conftest import ROOT
from tests.test_cli import grade

EXERCISES = exercise_folders(ROOT)

SOURCE = '''
"""A module."""
from grader.checks import check, ngettext, tr

HINT = tr("A hint.")

@check(points=1, hint=tr("Another hint."))
def first(run):
    """The title.

    More about it.
    """
    return f"{tr('within')}: " + tr("{what} is "
              "{found}.", what="`x`", found=tr(run.word))

@check
def second(run):
    """Second title."""

def helper():
    """No title."""
    return ngettext("{n} image", "{n} images", 3), "tr('not this')"  # tr("nor this")

@app.command("list")
def listing():
    """A command.

    Its second paragraph.
    """
'''
TEMPLATE = """<h1>{{ tr("Score: {points}", points=3) }}</h1>{# tr("not this") #}
{% if x %}{{ ngettext("{n} check", "{n} checks", n) }}{% endif %}"""


@pytest.fixture
def texts(tmp_path: Path) -> Texts:
    """A module and a template, without a catalogue."""
    (tmp_path / "checks.py").write_text(SOURCE)
    (tmp_path / "page.html.j2").write_text(TEMPLATE)
    return Texts("an exercise", (tmp_path / "checks.py", tmp_path / "page.html.j2"), tmp_path)


ALL = [
    "The title.",
    "Second title.",
    "A command.\n\nIts second paragraph.",
    "A hint.",
    "Another hint.",
    "within",
    "{what} is {found}.",
    ("{n} image", "{n} images"),
    "Score: {points}",
    ("{n} check", "{n} checks"),
]


def test_everything_that_is_told_is_extracted(texts: Texts) -> None:
    assert [text for path in texts.sources for text in extracted(path)] == ALL


def translate(texts: Texts, *pairs: tuple[str, str]) -> Path:
    """Write translations into the catalogue, as a person does."""
    path = texts.folder / "fi.po"
    content = path.read_text("utf-8")
    for message, translation in pairs:
        before, found, after = content.partition(f'msgid "{message}"\n')
        assert found, message
        content = before + found + re.sub(r'(msgstr(?:\[0\])?) ".*"', rf'\1 "{translation}"', after, count=1)
    path.write_text(content, "utf-8")
    return path


def test_a_new_catalogue_lacks_everything(texts: Texts) -> None:
    lacking = update(texts, "fi")
    firsts = [text if isinstance(text, str) else text[0] for text in ALL]
    assert lacking == [f"an exercise: no translation of {text!r}" for text in firsts]
    assert faults(texts, "fi") == lacking


def test_without_a_catalogue_everything_is_lacking(texts: Texts) -> None:
    assert len(faults(texts, "fi")) == len(ALL)
    assert not (texts.folder / "fi.po").exists()


def test_translations_are_kept(texts: Texts) -> None:
    update(texts, "fi")
    path = translate(texts, ("A hint.", "Vihje ä."), ("{n} image", "{n} kuva"))
    with_it = path.read_bytes()
    assert "an exercise: no translation of 'A hint.'" not in update(texts, "fi")
    assert path.read_bytes() == with_it  # a catalogue that is up to date is left alone
    assert "an exercise: no translation of '{n} image'" in update(texts, "fi")  # its plural is
    source = texts.sources[0]
    source.write_text(source.read_text().replace("Another hint.", "A better hint."))
    assert "an exercise: no translation of 'A better hint.'" in update(texts, "fi")
    content = path.read_text("utf-8")
    assert "Vihje ä." in content
    assert "Another hint." not in content


def test_what_stays_stays_where_it_is(texts: Texts) -> None:
    """A catalogue is in a repository: what changed in the code is all that a diff of it shows."""
    update(texts, "fi")
    path = texts.folder / "fi.po"
    head, *entries = path.read_text("utf-8").rstrip("\n").split("\n\n")
    mine = [*reversed(entries[:-1]), "# Said of pictures.\n" + entries[-1]]
    path.write_text("\n\n".join([head, *mine]) + "\n\n", "utf-8")
    before = path.read_text("utf-8")
    update(texts, "fi")
    assert path.read_text("utf-8") == before
    source = texts.sources[0]
    source.write_text(source.read_text().replace("Another hint.", "A better hint."))
    update(texts, "fi")
    gone, new = (f'msgid "{text} hint."\nmsgstr ""\n\n' for text in ("Another", "A better"))
    first = 'msgid "A hint."\nmsgstr ""\n\n'
    assert path.read_text("utf-8") == before.replace(gone, "").replace(first, first + new)


def test_what_the_code_no_longer_says_is_told(texts: Texts) -> None:
    update(texts, "fi")
    source = texts.sources[0]
    source.write_text(source.read_text().replace('tr("A hint.")', '""'))
    assert "an exercise: the code no longer says 'A hint.'" in faults(texts, "fi")
    assert "an exercise: the code no longer says 'A hint.'" not in update(texts, "fi")


def test_a_text_that_gets_a_plural_is_translated_anew(texts: Texts) -> None:
    source = texts.sources[0]
    source.write_text(source.read_text().replace('ngettext("{n} image", "{n} images", 3)', 'tr("{n} image", n=3)'))
    update(texts, "fi")
    translate(texts, ("{n} image", "{n} kuva"))
    source.write_text(SOURCE)
    assert "an exercise: no translation of '{n} image'" in update(texts, "fi")


@pytest.mark.parametrize(
    ("translation", "fine"),
    [
        ("{what} on {found}.", True),
        ("{found}: {what}.", True),
        ("{what} on jotain.", False),
        ("{what} on {foudn}.", False),
        ("{what} on {found} {more}.", False),
    ],
)
def test_fields_that_differ(texts: Texts, translation: str, fine: bool) -> None:
    update(texts, "fi")
    translate(texts, ("{what} is {found}.", translation))
    told = "an exercise: other fields in the translation of '{what} is {found}.'"
    assert (told not in faults(texts, "fi")) is fine


def test_the_command_tells_what_is_lacking(repository: Path, tmp_path: Path) -> None:
    (tmp_path / "exercises" / "small").mkdir(parents=True)
    for name, content in (
        ("exercise.toml", (repository / "exercises" / "100" / "exercise.toml").read_text().replace('"100"', '"small"')),
        ("checks.py", (repository / "exercises" / "100" / "checks.py").read_text("utf-8")),
    ):
        (tmp_path / "exercises" / "small" / name).write_text(content, "utf-8")
    done = grade("translate", "small", cwd=tmp_path)
    assert done.returncode == 1
    assert "small: no translation of 'Count every arrow in the picture.'" in done.stdout
    catalogue = (repository / "exercises" / "100" / "fi.po").read_bytes()
    (tmp_path / "exercises" / "small" / "fi.po").write_bytes(catalogue)
    done = grade("translate", "small", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (0, "")


# ---------------------------------------------------------------------- ours


@pytest.mark.parametrize("language", TRANSLATED)
@pytest.mark.parametrize("name", ["grader", *EXERCISES])
def test_no_translation_is_missing_or_stale(name: str, language: str) -> None:
    texts = texts_of_grader() if name == "grader" else texts_of(load(EXERCISES[name]))
    assert faults(texts, language) == []


@pytest.mark.parametrize("name", ["grader", *EXERCISES])
def test_every_translation_can_be_filled_in(name: str) -> None:
    """No brace is left open, and no field has a name that nothing is given for."""
    texts = texts_of_grader() if name == "grader" else texts_of(load(EXERCISES[name]))
    with speaking("fi", texts.folder if name != "grader" else None):
        for source in texts.sources:
            for one in extracted(source):
                for form in (one,) if isinstance(one, str) else one:
                    fields = dict.fromkeys(re.findall(r"\{(\w+)(?::[^{}]*)?\}", form), 7)
                    if fields and isinstance(one, str):
                        assert "7" in tr(form, **fields)


def calls(tree: ast.AST) -> Iterator[ast.Call]:
    """Calls of `tr`, `mark` and `ngettext`."""
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Name)
            and node.func.id in ("tr", "mark", "ngettext")
        ):
            yield node


# ---------------------------------------------------------------------- what students read goes through tr


def lint(source: str) -> list[str]:
    """Texts that no translation reaches, a line each.

    A string of several words is taken for one that students read, unless it is a docstring, stands in `tr()` or
    `ngettext()` (as text, not as a value), or the line on which its statement begins says `# untranslated`.
    """
    tree, lines = ast.parse(source), source.splitlines()
    found: list[str] = []
    translated = {id(part) for call in calls(tree) for argument in call.args for part in ast.walk(argument)}
    for call in calls(tree):
        wanted = call.args[: 2 if getattr(call.func, "id", "") == "ngettext" else 1]
        if not all(isinstance(one, ast.Constant) for one in wanted):
            found.append(f"line {call.lineno}: what is translated is no plain text")

    def look(node: ast.AST, begins: int) -> None:
        for child in ast.iter_child_nodes(node):
            first = child.lineno if isinstance(child, ast.stmt) else begins
            if isinstance(node, ast.FunctionDef | ast.ClassDef) and child in node.decorator_list:
                first = child.lineno  # type: ignore[attr-defined]
            if isinstance(child, ast.Expr) and isinstance(child.value, ast.Constant):
                continue  # a docstring
            if isinstance(child, ast.Constant | ast.JoinedStr):
                if id(child) not in translated and several_words(child) and "# untranslated" not in lines[first - 1]:
                    found.append(f"line {child.lineno}: {ast.unparse(child)[:80]}")
                if isinstance(child, ast.JoinedStr):
                    fields = [part for part in child.values if isinstance(part, ast.FormattedValue)]
                    for part in fields:
                        look(part, first)
                continue
            look(child, first)

    look(tree, 1)
    return found


def several_words(node: ast.Constant | ast.JoinedStr) -> bool:
    if isinstance(node, ast.Constant):
        a_call = isinstance(node.value, str) and re.fullmatch(r"`[^`]*`", node.value)
        return isinstance(node.value, str) and not a_call and len(node.value.split()) > 1
    text = " ".join(part.value for part in node.values if isinstance(part, ast.Constant))
    return len(re.findall(r"[^\W\d_]{2,}", re.sub(r"`[^`]*`", "", text))) > 1


@pytest.mark.parametrize("name", EXERCISES)
def test_all_that_students_read_is_translated(name: str) -> None:
    found = {path.name: lint(path.read_text("utf-8")) for path in modules_of(EXERCISES[name] / "checks.py")}
    assert not any(found.values()), found


@pytest.mark.parametrize(
    ("line", "is_fault"),
    [
        ('fail("Some words.")', True),
        ('fail(tr("Some words."))', False),
        ('fail(f"`x` is not {y} at all.")', True),
        ('fail(tr("{what} is wrong.", what=f"`{x}`"))', False),
        ('fail(ngettext("{n} word is.", "{n} words are.", n))', False),
        ('fail(tr(f"Some {words}."))', True),
        ("fail(tr(WORDS))", True),
        ('fail(ngettext("{n} word", MANY, n))', True),
        ('fail(tr("A {what}.", what="thing of words"))', True),
        ('run.value("name")', False),
        ('fail(tr("{what} is wrong.", what="`f(x, y)`"))', False),
        ('fail("`f(x, y)` and `g(x)`")', True),
        ('return f"{a}({b})"', False),
        ("TEXTS = [  # untranslated\n    'the cat sat',\n]", False),
        ("TEXTS = [\n    'the cat sat',\n]", True),
        ('@check(hint="Try it again.")\ndef f(run):\n    """A title of words."""', True),
        ('@check(hint=tr("Try it again."))\ndef f(run):\n    """A title of words."""', False),
        ('if "a b" in text:  # untranslated\n    pass', False),
    ],
)
def test_the_lint_finds_what_it_should(line: str, is_fault: bool) -> None:
    assert bool(lint(f"def g():\n    {line}" if line.startswith("return") else line)) is is_fault
