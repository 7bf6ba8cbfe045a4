"""``@check``: a function of a run that is judged, and what a student reads of it.

A check fails by raising a :class:`~grader.errors.SubmissionFault`, which the ``expect_…`` functions and the run do for
it; anything else that escapes from it is the grader's own fault, never the student's zero.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, get_args

from grader.errors import ExerciseError

if TYPE_CHECKING:
    from grader.run import Run

When = Literal["live", "ended"]


@dataclass(frozen=True)
class Check:
    """One thing that is judged.

    Attributes
    ----------
    name
        The function's name: what mistakes, `needs` and gradebooks refer to.
    title
        First line of the docstring: what the student reads.
    points
        What it is worth.
    needs
        Names of checks without which this one cannot be judged.
    hint
        Shown when it fails, unless the failure brings a hint of its own.
    when
        ``"live"``: while the notebook's kernel can be asked; ``"ended"``: after its process has ended.
    hidden
        Whether only the teacher has it: it lies beside the solution, and no student gets it.
    """

    name: str
    title: str
    points: float
    needs: tuple[str, ...]
    hint: str
    when: When
    function: Callable[[Run], object]
    hidden: bool = False

    def __call__(self, run: Run) -> object:
        return self.function(run)


def check(
    *,
    points: float,
    needs: Check | str | Sequence[Check | str] = (),
    hint: str = "",
    when: When = "live",
) -> Callable[[Callable[[Run], object]], Check]:
    """Make a check of a function whose docstring is the student's text.

    Raises
    ------
    ExerciseError
        The function has no docstring, its points are not above zero, or `when` is unknown.
    """

    def decorate(function: Callable[[Run], object]) -> Check:
        title = (inspect.getdoc(function) or "").partition("\n")[0].strip()
        if not title:
            raise ExerciseError(
                f"The check `{function.__name__}` has no docstring.",
                "Write there what the student is to read.",
            )
        if not points > 0:
            raise ExerciseError(f"The check `{function.__name__}` is worth {points} points.", "Give it more than 0.")
        if when not in get_args(When):
            raise ExerciseError(f"The check `{function.__name__}` has when={when!r}.", 'Use "live" or "ended".')
        wanted = [needs] if isinstance(needs, Check | str) else needs
        names = tuple(one.name if isinstance(one, Check) else one for one in wanted)
        return Check(function.__name__, title, points, names, hint, when, function)

    return decorate
