"""What students get: a zip with the exercises, this package, and a page that tells how to go about it.

No solution, no mistake, no hidden check is in it: starters are made from the references anew, so that a notebook that
somebody solved where the starter belongs does not slip in. The same content gives the same bytes.
"""

from __future__ import annotations

import base64
import hashlib
import io
import zipfile
from collections.abc import Collection, Mapping, Sequence
from importlib.metadata import distribution
from pathlib import Path

from grader.authored import belongings
from grader.authoring import starter_text
from grader.errors import ExerciseError, UsageError
from grader.exercise import Exercise
from grader.formats.writing import Format, form_for
from grader.text import listed, plain
from grader.workspace import companions
from grader.writing import write_out

_IN_JUPYTER = "Jupyter (`.venv/bin/jupyter lab`) or VS Code"
_README = """\
# The exercises

{list}

## Install

Python 3.11 or newer is needed, about 6 GB of disk, and a network while you install. In this folder, on Linux or macOS:

```console
$ python3 -m venv .venv
$ .venv/bin/pip install ./{wheel} {editor}
```

On Windows:

```console
> py -m venv .venv
> .venv\\Scripts\\pip install .\\{wheel} {editor}
```

From here on `grade` stands for `.venv/bin/grade`, on Windows for `.venv\\Scripts\\grade`.

## Work

Edit the notebook in the exercise's folder, in {opens}. Where it says `...`, you
write. Save it, then grade it as often as you like:

```console
$ grade exercises/{first}
```

One line for each check says what passed, what was found instead, and a hint. Your notebook runs from top to bottom in a
fresh kernel; your file is never written to. The full report and the notebook as it ran are in
`exercises/{first}/.grade/`.

```console
$ grade list
$ grade data status
$ grade doctor
```

tell which exercises there are, which data sets, and what your machine has. Hand in the notebook, nothing else.
"""


def write_bundle(exercises: Sequence[Exercise], path: Path, form: Format | None = None) -> Path:
    """Write the zip that students get, its starters in this format; its path.

    Raises
    ------
    ExerciseError
        An exercise has no reference, its checks cannot be read, or a file is too large to hand out.
    UsageError
        There is no exercise, or the zip cannot be written.
    """
    if not exercises:
        raise UsageError("There are no exercises here.", "Go to the folder that holds `exercises/`.")
    wheel, content = package_wheel()
    files = {wheel: content, "README.md": _readme(exercises, wheel, form).encode()}
    for exercise in exercises:
        files |= _files(exercise, form)
    try:
        write_out(path, zipped(files))
    except OSError as error:
        raise UsageError(
            f"{plain(str(path))} cannot be written: {error.strerror}.", "Name a file in a folder that is there."
        ) from None
    return path


def _files(exercise: Exercise, form: Format | None) -> dict[str, bytes]:
    """An exercise's files by their names in the zip: what it is made of, the starter, and what lies beside that."""
    _ = exercise.checks  # what is wrong with them is said before students meet it
    taken, left = companions(exercise.folder, exercise.starter.name)
    if left:
        raise ExerciseError(
            f"{listed([str(one) for one in left])}: too much to come along with a notebook.",
            "Make it smaller, or take it out of the exercise's folder.",
        )
    own = [exercise.folder / "exercise.toml", *belongings(exercise.folder), *exercise.folder.glob("*.po")]
    own += exercise.folder.glob("answers.toml")
    contents = {path.relative_to(exercise.folder).as_posix(): path.read_bytes() for path in [*own, *taken]}
    path, text = starter_text(exercise, form)
    contents[path.name] = text.encode()
    return {f"exercises/{exercise.folder.name}/{name}": content for name, content in contents.items()}


def _readme(exercises: Sequence[Exercise], wheel: str, form: Format | None) -> str:
    told = [f"- **{one.id}** {one.description.title.en} / {one.description.title.fi}" for one in exercises]
    of_marimo = (form or form_for(exercises[0].starter.name)) == "marimo"
    editor, opens = ("marimo", "marimo (`.venv/bin/marimo edit`)") if of_marimo else ("jupyterlab", _IN_JUPYTER)
    words = {"wheel": wheel, "first": exercises[0].folder.name, "editor": editor, "opens": opens}
    return _README.format(list="\n".join(told), **words)


def zipped(files: Mapping[str, bytes], executable: Collection[str] = ()) -> bytes:
    """A zip of these files that tells nothing of when, where and by whom it was made."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in sorted(files.items()):
            entry = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            entry.compress_type, entry.create_system = zipfile.ZIP_DEFLATED, 3
            entry.external_attr = (0o100755 if name in executable else 0o100644) << 16
            archive.writestr(entry, content)
    return buffer.getvalue()


# ---------------------------------------------------------------------- the package, to be installed by pip


def package_wheel() -> tuple[str, bytes]:
    """This package as a wheel, by name and content: it is in no registry that students could install it from."""
    known = distribution("grader")
    version = known.version
    info = f"grader-{version}.dist-info"
    needs = sorted(one for one in known.requires or [] if "extra ==" not in one)
    package = Path(__file__).parent
    paths = (path for path in package.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    files = {f"grader/{path.relative_to(package).as_posix()}": path.read_bytes() for path in paths}
    files[f"{info}/METADATA"] = "\n".join(
        [
            "Metadata-Version: 2.1",
            "Name: grader",
            f"Version: {version}",
            f"Requires-Python: {known.metadata['Requires-Python']}",
            *(f"Requires-Dist: {one}" for one in needs),
            "",
        ]
    ).encode()
    files[f"{info}/WHEEL"] = b"Wheel-Version: 1.0\nGenerator: grade\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    files[f"{info}/entry_points.txt"] = b"[console_scripts]\ngrade = grader.cli:main\n"
    record = [f"{name},sha256={_record_digest(content)},{len(content)}" for name, content in sorted(files.items())]
    files[f"{info}/RECORD"] = "\n".join([*record, f"{info}/RECORD,,", ""]).encode()
    return f"grader-{version}-py3-none-any.whl", zipped(files)


def _record_digest(content: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(content).digest()).decode().rstrip("=")
