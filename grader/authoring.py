"""From a reference notebook to what is derived of it: the starter, and the notebooks of its mistakes.

Two marks, nothing else::

    shallow = 18  ### SOLUTION            becomes    shallow = ...

    ### BEGIN SOLUTION                    becomes    ...  # your code here
    return sum(sizes)
    ### END SOLUTION
"""

from __future__ import annotations

import copy
import json
import re
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Literal

import nbformat
from pydantic import Field, ValidationError

from grader.answers import digests_of
from grader.datasets import Choice
from grader.errors import ExerciseError
from grader.exercise import Exercise
from grader.formats.notebook import as_written
from grader.formats.writing import SUFFIX, Format, Unwritable, form_for, form_of, written
from grader.reading import Unreadable
from grader.record import Frozen, first_fault
from grader.submission import parse
from grader.writing import write_whole

_IMPORT = "import marimo as mo"
_METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}
_BEGIN, _END = "### BEGIN SOLUTION", "### END SOLUTION"
_LINE = re.compile(r"^(?P<left>\s*(?:[^=\n]*[^=!<>\n])?=)(?!=).*### SOLUTION\s*$")


def starter_source(source: str) -> str:
    """A cell's source as the starter has it.

    Raises
    ------
    ExerciseError
        A mark has no partner, or stands where there is no assignment.
    """
    kept: list[str] = []
    inside = False
    for line in source.split("\n"):
        stripped = line.strip()
        if stripped == _BEGIN:
            if inside:
                raise ExerciseError(f"`{_BEGIN}` stands inside another one.", f"Close the first with `{_END}`.")
            inside = True
            kept.append(f"{line[: len(line) - len(line.lstrip())]}...  # your code here")
        elif stripped == _END:
            if not inside:
                raise ExerciseError(f"`{_END}` has no `{_BEGIN}`.", "Add it.")
            inside = False
        elif not inside and line.rstrip().endswith("### SOLUTION"):
            match = _LINE.match(line)
            if match is None:
                raise ExerciseError(f"`### SOLUTION` stands behind no assignment: {stripped}", "Use BEGIN and END.")
            kept.append(f"{match['left']} ...")
        elif not inside:
            kept.append(line)
    if inside:
        raise ExerciseError(f"`{_BEGIN}` has no `{_END}`.", "Add it.")
    return "\n".join(kept)


def read_reference(exercise: Exercise) -> nbformat.NotebookNode:
    """The reference notebook.

    Raises
    ------
    ExerciseError
        It is not there, is no notebook, or its cells cannot be told apart by their ids.
    """
    return _read(exercise, exercise.reference)


def _read(exercise: Exercise, path: Path) -> nbformat.NotebookNode:
    if format_of(exercise) != "jupyter":
        return _as_written(path)
    try:
        text = path.read_text("utf-8")
        ids = [cell.get("id") for cell in json.loads(text)["cells"]]
        if None in ids or len(set(ids)) < len(ids):  # nbformat would make some up, others each time
            raise ExerciseError(
                f"Cells of {path} have no id, or two have the same.",
                "Give each an id of its own: mistakes name cells by them.",
            )
        notebook = nbformat.reads(text, as_version=4)
    except FileNotFoundError:
        what = "reference notebook" if path == exercise.reference else "starter"
        raise ExerciseError(f"Exercise {exercise.id} has no {what}.", f"It belongs at {path}.") from None
    except (nbformat.ValidationError, AttributeError, LookupError, TypeError, ValueError) as error:
        raise ExerciseError(f"{path} is no notebook: {error}.", "Save it again in Jupyter.") from None
    return _bare(notebook)


def _as_written(path: Path) -> nbformat.NotebookNode:
    """A reference in a format of text: its cells in the order of the file, as their author wrote them."""
    try:
        found = as_written(path.read_bytes(), path.name)
    except OSError as error:
        raise ExerciseError(f"{path} cannot be read: {error.strerror}.", "Check your access to it.") from None
    except Unreadable as error:
        raise ExerciseError(f"{path} is no notebook. {error}", "Save it again.") from None
    notebook = nbformat.v4.new_notebook(metadata=_METADATA)
    notebook.cells = [nbformat.from_dict(cell.as_data()) for cell in found]
    return notebook


def format_of(exercise: Exercise) -> Format:
    """The format that the reference is written in, and the starter where nobody asks for another."""
    try:
        return form_of(exercise.reference.read_bytes(), exercise.reference.name)
    except OSError:
        return "jupyter"


def _bare(notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """A notebook without outputs and counts, which would only be noise in version control; what nbgrader knows its
    cells by stays.
    """
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
        cell.metadata = nbformat.from_dict({key: cell.metadata[key] for key in cell.metadata.keys() & {"nbgrader"}})
    return notebook


def starter_notebook(exercise: Exercise) -> nbformat.NotebookNode:
    """The exercise's starter: of an imported one the notebook that came with it, of others what the reference gives.

    Raises
    ------
    ExerciseError
        There is no such notebook, or it cannot be read.
    """
    return starter_of(read_reference(exercise)) if exercise.imported is None else _read(exercise, exercise.starter)


def starter_of(reference: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """The starter that a reference notebook gives."""
    starter = copy.deepcopy(reference)
    for cell in starter.cells:
        if cell.cell_type == "code":
            cell.source = starter_source(cell.source)
    return starter


def text_of(notebook: nbformat.NotebookNode, form: Format = "jupyter", names: Sequence[str] = ()) -> str:
    """A notebook as the text of its file.

    Parameters
    ----------
    names
        Those that the exercise asks for.

    Raises
    ------
    ExerciseError
        Its cells do not go together in that format.
    """
    try:
        return written(notebook, form, names)
    except Unwritable as error:
        raise ExerciseError(f"This does not go into the format {form}. {error}", "Change the reference.") from None


def starter_text(exercise: Exercise, form: Format | None = None) -> tuple[Path, str]:
    """The starter's file and what is in it, in a format that is asked for or else in that of the exercise's notebook.

    Of a reference in that very format it is the text, so that all that its author wrote beside the cells stays.
    """
    of_reference = format_of(exercise)
    same = of_reference if exercise.starter.suffix == SUFFIX[of_reference] else None
    form = form or same or form_for(exercise.starter.name)
    path = exercise.starter if exercise.starter.suffix == SUFFIX[form] else exercise.starter.with_suffix(SUFFIX[form])
    if exercise.imported is not None:
        whole = form == "jupyter" and exercise.starter.suffix == SUFFIX[form]
        return path, exercise.starter.read_text("utf-8") if whole else text_of(starter_notebook(exercise), form)
    if form == of_reference != "jupyter":
        return path, starter_source(exercise.reference.read_text("utf-8"))
    starter = starter_of(_in_order(exercise) if of_reference == "marimo" else read_reference(exercise))
    if form == "jupyter":
        for cell in starter.cells:
            cell.metadata = nbformat.from_dict({})
    return path, text_of(starter, form, exercise.description.names)


def _in_order(exercise: Exercise) -> nbformat.NotebookNode:
    """A reference of marimo's for a format in which cells run from top to bottom, and nobody needs marimo for texts."""
    _as_written(exercise.reference)  # which says what is wrong with it
    notebook = parse(exercise.reference.read_bytes(), exercise.reference.name)
    notebook.metadata = nbformat.from_dict(_METADATA)
    ours = [cell for cell in notebook.cells if cell.source.strip() and cell.source.strip() != _IMPORT]
    if not any(re.search(r"(?<![\w.])mo\.", cell.source) for cell in ours if cell.cell_type == "code"):
        notebook.cells = ours
    return notebook


def derived(exercise: Exercise, form: Format | None = None) -> dict[Path, str]:
    """What is made of the solution, with its contents: the starter, and the digests of the closed answers if any."""
    path, text = starter_text(exercise, form)
    files = {path: text}
    if digests := digests_of(exercise.id, exercise.solution_folder):
        files[exercise.folder / "answers.toml"] = digests
    return files


def write_derived(exercise: Exercise, form: Format | None = None) -> list[Path]:
    """Write what is made of the solution, the starter in this format; the paths."""
    files = derived(exercise, form)
    for path, content in files.items():
        write_whole(path, content)
    return list(files)


class Patch(Frozen):
    """One variant of the reference notebook: cells with a new source, or edits within cells.

    Attributes
    ----------
    name, says
        What it is called, and what is wrong (or different) in it.
    fails
        Names of the checks that have to fail; all others pass or are skipped for want of these.
    shares
        Of these checks, the share of the points that is given all the same; none if it is not said.
    cells
        Cell id → its whole new source.
    edits
        Cell id → pairs of old and new text; each old text has to be there exactly once.
    append
        Sources of cells that come after the last one.
    data
        Form of the data sets to try it on; empty for any.
    """

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]*$")]
    says: Annotated[str, Field(min_length=1)]
    fails: tuple[str, ...]
    shares: Mapping[str, Annotated[float, Field(gt=0, lt=1)]] = {}
    cells: Mapping[str, str] = {}
    edits: Mapping[str, Sequence[tuple[str, str]]] = {}
    append: tuple[str, ...] = ()
    data: Choice | Literal[""] = ""

    def apply(self, reference: nbformat.NotebookNode) -> nbformat.NotebookNode:
        """The patched notebook.

        Raises
        ------
        ExerciseError
            A cell or an old text is not in the reference, or not once.
        """
        patched = copy.deepcopy(reference)
        by_id = {cell.get("id"): cell for cell in patched.cells}
        for cell_id in (*self.cells, *self.edits):
            if cell_id not in by_id:
                raise ExerciseError(
                    f"“{self.name}” changes the cell {cell_id!r}, which is not there.", "Correct its id."
                )
        for cell_id, source in self.cells.items():
            by_id[cell_id].source = source.strip("\n")
        for cell_id, pairs in self.edits.items():
            for old, new in pairs:
                if by_id[cell_id].source.count(old) != 1:
                    raise ExerciseError(
                        f"“{self.name}”: {old!r} is not exactly once in the cell {cell_id!r}.", "Correct it."
                    )
                by_id[cell_id].source = by_id[cell_id].source.replace(old, new)
        for source in self.append:
            patched.cells.append(nbformat.v4.new_code_cell(source.strip("\n")))
        return patched


def read_patches(path: Path, table: str) -> list[Patch]:
    """The patches in a TOML file, from its tables ``[[table]]``.

    Raises
    ------
    ExerciseError
        It is not there, is no TOML, or says something wrong; or two have the same name.
    """
    try:
        content = tomllib.loads(path.read_text("utf-8"))
        patches = [Patch.model_validate(one) for one in content.get(table, [])]
    except FileNotFoundError:
        raise ExerciseError(
            f"There is no {path}.", f"Write [[{table}]] tables into it, see docs/authoring.md."
        ) from None
    except tomllib.TOMLDecodeError as error:
        raise ExerciseError(f"{path} is no TOML: {error}.", "Correct it.") from None
    except ValidationError as error:
        raise ExerciseError(f"{path}: {first_fault(error)}.", "docs/authoring.md says what may stand there.") from None
    names = [patch.name for patch in patches]
    if not patches or len(set(names)) < len(names) or set(content) != {table}:
        raise ExerciseError(f"{path} has no [[{table}]], other tables too, or two of one name.", "Correct it.")
    return patches
