"""What can go wrong, and whose fault it is.

::

    GraderError                  a person reads `message`, and `advice` says the way out
    ├── UsageError               the command, or a file it was given, is wrong          (exit code 2)
    │   └── DataMissing          a real data set is asked for and is not here
    └── GradingError             the grader itself failed: costs nobody points          (exit code 3)
        ├── ExerciseError        an exercise's own files are wrong
        └── KernelStartError     no kernel came up

    SubmissionFault              something the submission did, told to its author: a verdict, not a crash
    ├── CheckFailed              what it computed is not what was asked for
    │   └── PartlyPassed         … but a share of it: of the points it costs the rest
    ├── NameMissing              it does not define a name
    ├── AnswerMissing            the name is there, its value is still the starter's `...`
    ├── WrongKind                the value is of a kind that nothing can be done with
    ├── CallFailed               its function or model raised
    ├── TooSlow                  its function or model did not answer in time
    ├── NotJudged            it hangs on a package of the course that this machine lacks
    ├── BadClaim                 what its kernel sent is malformed or too large
    └── KernelGone               its kernel is dead, so nothing can be asked any more
"""

from __future__ import annotations


class GraderError(Exception):
    """One sentence of what is wrong, and one of what to do about it."""

    exit_code = 3

    def __init__(self, message: str, advice: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.advice = advice


class UsageError(GraderError):
    """The command, or a file that it was given, is wrong."""

    exit_code = 2


class DataMissing(UsageError):
    """A real data set is asked for, is not on this machine and could not be fetched."""


class GradingError(GraderError):
    """The grader itself failed. The submission is reported as ungraded, never as zero points."""


class ExerciseError(GradingError):
    """An exercise's own files (exercise.toml, checks.py, its solution) are wrong."""


class KernelStartError(GradingError):
    """No kernel came up, before any of the submission's code ran."""


class SubmissionFault(Exception):
    """Something the submission did; `message` and `hint` are for its author.

    Checks raise it to fail, and :class:`grader.run.Run` raises it where the submission leaves a check
    nothing to judge. Whatever else escapes from a check is the grader's own fault.
    """

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class CheckFailed(SubmissionFault):
    """What the submission computed is not what was asked for."""


class PartlyPassed(CheckFailed):
    """What the submission computed is a share of what was asked for, and earns that share of the points."""

    def __init__(self, share: float, message: str, hint: str = "") -> None:
        super().__init__(message, hint)
        self.share = share


class NameMissing(SubmissionFault):
    """The notebook does not define a name that a check needs."""


class AnswerMissing(SubmissionFault):
    """The name is defined, and its value is still the starter's three dots."""


class WrongKind(SubmissionFault):
    """A value is of a kind that the check can do nothing with."""


class CallFailed(SubmissionFault):
    """The notebook's function or model raised when it was called."""


class TooSlow(SubmissionFault):
    """The notebook's function or model did not answer in time."""


class BadClaim(SubmissionFault):
    """What the kernel sent is malformed, forged or too large."""


class NotJudged(SubmissionFault):
    """What is asked for hangs on a package of the course that this machine lacks: nobody's points hang on that."""

    def __init__(self, message: str, package: str) -> None:
        super().__init__(message)
        self.package = package


class KernelGone(SubmissionFault):
    """The notebook's kernel is dead: nothing can be asked of it any more."""
