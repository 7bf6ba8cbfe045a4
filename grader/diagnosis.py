"""Why a name is not there: what became of the cell that would have defined it.

What a check cannot judge for want of a package is not judged. That is believed only where the grader itself sees it:
the notebook's text imports the package, there is such a package, and it is not on this machine. What hangs on a package
that the exercise forbids is wrong.
"""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass
from functools import cached_property

import nbformat

from grader.errors import CheckFailed, NameMissing, NotJudged, SubmissionFault
from grader.kernel.execution import UNDEFINED, CellOutcome, named_package
from grader.language import tr
from grader.outcomes import cause, named, not_run, numbered, uncompiled
from grader.packages import ANY, Packages
from grader.sources import defined, imported, text_defines

# How alike two names are of which one is taken for the other, misspelt.
_ALIKE = 0.85


@dataclass
class Diagnosis:
    """What the cells of a notebook that has been run say about the names that are not there.

    Attributes
    ----------
    packages
        What the exercise says of packages.
    names
        Those that the exercise lists.
    """

    notebook: nbformat.NotebookNode
    outcomes: list[CellOutcome]
    packages: Packages = ANY
    names: tuple[str, ...] = ()

    @cached_property
    def _cells(self) -> list[tuple[CellOutcome, str]]:
        sources = [one.source for one in self.notebook.cells if one.cell_type == "code" and one.source.strip()]
        return list(zip(self.outcomes, sources, strict=False))

    @cached_property
    def _imported(self) -> set[str]:
        """Packages that the notebook's text imports, and those that cells were run without."""
        without = {package for outcome in self.outcomes for package in outcome.lacks}
        return without.union(*(imported(source) for _, source in self._cells))

    @cached_property
    def _lost(self) -> dict[str, str]:
        """Names that are not there since their cell ended for want of a package, each with the package."""
        lost: dict[str, str] = {}
        for outcome, source in self._cells:
            if outcome.status == "not run":
                continue
            ended = outcome.status == "error" and not outcome.went_on and not outcome.quote.startswith("raise")
            package = self._wanted(outcome.error_type, outcome.error) if ended else ""
            never = defined(source, outcome.line) if package else set()
            for name in defined(source) - never:
                lost.pop(name, None)
            lost |= dict.fromkeys(never, package)
        return lost

    def _brought_along(self, name: str) -> str:
        """The package that a name may have come from, of which everything was imported; "" if there is none."""
        stars = [package for one in self.outcomes for package, names in one.lacks.items() if "*" in names]
        nobodys = not any(name in defined(source) for _, source in self._cells)
        return next((one for one in stars if nobodys and self.packages.hinders(one)), "")

    def _wanted(self, error_type: str, error: str) -> str:
        """The package for want of which something was raised, as far as the grader can see that; else ""."""
        if error_type == "NameError" and (found := UNDEFINED.match(error)):
            return self._brought_along(found[1])
        package = named_package(error_type, error)
        return package if package in self._imported and self.packages.hinders(package) else ""

    # ------------------------------------------------------------------ what checks meet

    def imported_inside(self, error_type: str, error: str) -> str:
        """The package that a function of the notebook's imports in vain, if it may."""
        package = self._wanted(error_type, error) if error_type == "ModuleNotFoundError" else ""
        return "" if self.packages.forbids(package) else package

    def hangs(self, error_type: str, error: str) -> SubmissionFault | None:
        """That what a call raised hangs on a package that is not on this machine, or forbidden; None if it does not."""
        package = self._wanted(error_type, error)
        return self._without(package) if package else None

    def _without(self, package: str) -> SubmissionFault:
        if self.packages.forbids(package):
            return CheckFailed(
                tr("It makes use of {package}, which this exercise forbids.", package=package),
                tr("Do it with what the exercise allows."),
            )
        return NotJudged(
            tr("Not judged: it needs the package {package}, which is not installed here.", package=package), package
        )

    def missing(self, name: str) -> SubmissionFault:
        """Why a name is not there, and what to do about it."""
        if package := self._lost.get(name) or self._brought_along(name):
            return self._without(package)
        for outcome, source in self._cells:
            if not outcome.compiles and name in defined(source):
                return NameMissing(
                    tr("`{name}` is not defined, since {cell} does not compile.", name=name, cell=named(outcome)),
                    uncompiled(outcome),
                )
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
            return NameMissing(_because(name, cause(outcome, self.outcomes, self.packages)), tr("Mend that first."))
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
