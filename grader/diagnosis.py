"""Why a name is not there: what became of the cell that would have defined it.

What a check cannot judge for want of a package is not judged. That is believed only where the grader itself sees it:
the notebook's text imports the package, the exercise lists it, and it is not on this machine.
"""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass
from functools import cached_property

import nbformat

from grader.errors import NameMissing, NotJudged
from grader.kernel.execution import CellOutcome, missing_package
from grader.language import tr
from grader.outcomes import named, not_run, numbered, raised, uncompiled
from grader.sources import defined, imports_inside, installed, text_defines

_UNDEFINED = re.compile(r"name '(\w+)' is not defined")
_NO_MODULE = re.compile(r"No module named '([A-Za-z_]\w*)")
# How alike two names are of which one is taken for the other, misspelt.
_ALIKE = 0.85


@dataclass
class Diagnosis:
    """What the cells of a notebook that has been run say about the names that are not there.

    Attributes
    ----------
    packages, names
        Those that the exercise lists.
    """

    notebook: nbformat.NotebookNode
    outcomes: list[CellOutcome]
    packages: tuple[str, ...] = ()
    names: tuple[str, ...] = ()

    @cached_property
    def _cells(self) -> list[tuple[CellOutcome, str]]:
        sources = [one.source for one in self.notebook.cells if one.cell_type == "code" and one.source.strip()]
        return list(zip(self.outcomes, sources, strict=False))

    @cached_property
    def _lost(self) -> dict[str, str]:
        """Names that are not there for want of a package, each with the package."""
        lost: dict[str, str] = {}
        for outcome, source in self._cells:
            for package, bound in outcome.lacks.items():
                if package in self.packages:
                    lost |= dict.fromkeys(bound, package)
            if outcome.status == "not run":
                continue
            found = defined(source)
            failed = outcome.status == "error" and not outcome.quote.startswith("raise")
            package = self._lacking(outcome.error_type, outcome.error, lost) if failed else ""
            never = defined(source, outcome.line) if package else set()
            for name in found - never - {name for bound in outcome.lacks.values() for name in bound}:
                lost.pop(name, None)
            if outcome.lacks and not _UNDEFINED.match(outcome.error):
                continue  # nothing but the import did not run
            lost |= dict.fromkeys(never - set(lost), package)
        return lost

    def _lacking(self, error_type: str, error: str, lost: dict[str, str]) -> str:
        """The package for want of which something was raised, as far as the grader can see that; else ""."""
        if error_type == "NameError" and (found := _UNDEFINED.match(error)):
            return lost.get(found[1], "")
        if error_type == "ImportError":
            package = missing_package(CellOutcome(0, "", error_type=error_type, error=error))
            return package if package and any("tqdm" in source for _, source in self._cells) else ""
        found = _NO_MODULE.match(error) if error_type == "ModuleNotFoundError" else None
        if found is None or found[1] not in self.packages or installed(found[1]):
            return ""
        return found[1] if any(imports_inside(source, found[1]) for _, source in self._cells) else ""

    # ------------------------------------------------------------------ what checks meet

    def imported_inside(self, error_type: str, error: str) -> str:
        """The package that a function of the notebook's imports in vain, if it is one of the course's."""
        return self._lacking(error_type, error, {}) if error_type == "ModuleNotFoundError" else ""

    def hangs(self, error_type: str, error: str) -> NotJudged | None:
        """That what a call raised hangs on a package that is not on this machine; None if it does not."""
        package = self._lacking(error_type, error, self._lost)
        return _not_judged(package) if package else None

    def missing(self, name: str) -> NameMissing | NotJudged:
        """Why a name is not there, and what to do about it."""
        if package := self._lost.get(name):
            return _not_judged(package)
        for outcome, source in self._cells:
            if not outcome.compiles and name in defined(source):
                return NameMissing(_because(name, uncompiled(outcome)))
        for outcome, source in self._cells:
            if outcome.status != "ok" and name in defined(source):
                return self._unreached(name, outcome)
        for cell in self.notebook.cells:
            if cell.cell_type != "code" and text_defines(cell.source, name):
                return NameMissing(
                    tr("`{name}` stands in a Markdown cell, or a raw one, which is not run.", name=name),
                    tr("Turn it into a code cell (in Jupyter, Esc and Y), and run it."),
                )
        return self._misspelt(name)

    def _unreached(self, name: str, outcome: CellOutcome) -> NameMissing:
        if outcome.status == "error":
            return NameMissing(_because(name, raised(outcome)), tr("Mend that first."))
        told = {"name": name, "cell": named(outcome)}
        if outcome.status == "stopped":
            return NameMissing(
                tr("`{name}` is not defined, since {cell} ended at `mo.stop` before it.", **told),
                tr("While grading nobody presses a button: let the cell go on with what it begins with."),
            )
        if outcome.disabled:
            return NameMissing(
                tr("`{name}` is not defined, since {cell} is switched off.", **told), tr("Switch the cell on.")
            )
        if outcome.held_by is not None:
            return NameMissing(_because(name, not_run(outcome) or ""), tr("Mend what came before it."))
        if outcome.status == "not run":
            return NameMissing(
                tr("`{name}` is not defined, since {cell} was not run.", **told), tr("Mend what came before it.")
            )
        return NameMissing(tr("`{name}` is not defined, since {cell} was stopped.", **told), tr("Mend that first."))

    def cell(self, number: int) -> str:
        """What is said of a cell behind the word “cell”."""
        return numbered(self.outcomes[number - 1]) if 0 < number <= len(self.outcomes) else str(number)

    def _misspelt(self, name: str) -> NameMissing:
        wrong = self.alike(name)
        if wrong is None:
            return NameMissing(
                tr("`{name}` is not defined.", name=name),
                tr("Define `{name}` in the notebook; mind the spelling.", name=name),
            )
        return NameMissing(
            tr("`{name}` is not defined, but `{other}` is.", name=name, other=wrong),
            tr("Did you mean `{name}`? Then write it so.", name=name),
        )

    def alike(self, name: str) -> str | None:
        """The one name of the notebook's own that is this one misspelt, if there is just one."""
        ours = {one for outcome, source in self._cells if outcome.status == "ok" for one in defined(source)}
        ours -= {name, *self.names}
        simple = {one for one in ours if _simple(one) == _simple(name)}
        close = {one for one in ours if difflib.SequenceMatcher(None, one, name).ratio() >= _ALIKE and len(name) > 4}
        found = simple or close
        if len(found) != 1 or re.sub(r"\D", "", next(iter(found))) != re.sub(r"\D", "", name):
            return None
        return found.pop()


def _simple(name: str) -> str:
    return name.replace("_", "").casefold()


def _because(name: str, reason: str) -> str:
    return tr("`{name}` is not defined. {reason}", name=name, reason=reason)


def _not_judged(package: str) -> NotJudged:
    return NotJudged(
        tr("Not judged: it needs the package {package}, which is not installed here.", package=package), package
    )
