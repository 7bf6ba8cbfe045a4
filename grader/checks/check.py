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
Verified = Literal["outside", "word"]


@dataclass(frozen=True)
class Passed:
    """What a check returns that knows more of how it passed than a sentence says."""

    message: str = ""
    verified: Verified | None = None


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
    after
        The cell behind which it is judged, by its id, before the next one is run; "" for the end. At the end, too,
        where that cell is not there or was not reached.
    bonus
        Whether its points come on top of those that can be had.
    manual
        Whether a person judges it: it is left open.
    verified
        Of a test of another grader's, whether it is judged outside the notebook's process or rests on its word.
    together
        A group whose points are only given together; "" for none.
    packages
        What it imports and that takes its time: the grader imports it once, not for every notebook.
    """

    name: str
    title: str
    points: float
    needs: tuple[str, ...]
    hint: str
    when: When
    function: Callable[[Run], object]
    hidden: bool = False
    after: str = ""
    bonus: bool = False
    manual: bool = False
    verified: Verified | None = None
    together: str = ""
    packages: tuple[str, ...] = ()

    def __call__(self, run: Run) -> object:
        return self.function(run)


def check(
    *,
    points: float,
    needs: Check | str | Sequence[Check | str] = (),
    hint: str = "",
    when: When = "live",
    after: str = "",
    bonus: bool = False,
) -> Callable[[Callable[[Run], object]], Check]:
    """Make a check of a function whose docstring is the student's text; the arguments are as :class:`Check` has them.

    Raises
    ------
    ExerciseError
        The function has no docstring, its points are not above zero, `when` is unknown or goes not with `after`.
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
        if after and when != "live":
            raise ExerciseError(
                f'The check `{function.__name__}` has after={after!r} and when="{when}".', "Leave one of them out."
            )
        wanted = [needs] if isinstance(needs, Check | str) else needs
        names = tuple(one.name if isinstance(one, Check) else one for one in wanted)
        return Check(function.__name__, title, points, names, hint, when, function, after=after, bonus=bonus)

    return decorate
