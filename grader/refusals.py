"""What became of a question to the notebook's kernel that got no answer, as a sentence for the student.

What the kernel says of it is a claim: only words that are known here are put into a sentence, and never believed.
"""

from __future__ import annotations

import re
from typing import Any

from grader.claims import still_dots
from grader.errors import BadClaim, CallFailed, CheckFailed, NameMissing, SubmissionFault, TooSlow, WrongKind
from grader.forbidden import WORDS
from grader.language import mark, tr
from grader.machine_paths import unplaced
from grader.text import number, plain


def not_defined_before(name: str, cell: str) -> NameMissing:
    """What is missing where only the cells before one could be run."""
    return NameMissing(
        tr("`{name}` is not defined before cell {cell}, which ended the kernel.", name=name, cell=cell),
        tr("Mend cell {cell} first: nothing can be asked of it, or of what comes after it.", cell=cell),
    )


def too_slow(what: str, before: float = 0) -> TooSlow:
    """That there was no answer in time; or none in so many seconds before, so that it was not asked again."""
    message = tr("{what} took too long to answer.", what=what)
    if before:
        message = tr("{what} did not answer within {n} s before, and was not asked again.", what=what, n=number(before))
    return TooSlow(message, tr("Look for a loop that does not end."))


def unreadable() -> BadClaim:
    return BadClaim(tr("The notebook's kernel sent an answer that cannot be read."))


def fault_of(content: dict[str, Any], name: str, what: str) -> SubmissionFault:
    """What the kernel says went wrong, as a sentence for the student."""
    kind, error, text = (plain(unplaced(plain(content.get(part), 1000)), 300) for part in ("error", "type", "text"))
    first = name.partition(".")[0]
    match kind:
        case "missing":
            return NameMissing(
                tr("`{name}` is not defined.", name=first),
                tr("Define `{name}` in the notebook; mind the spelling.", name=first),
            )
        case "placeholder":
            return still_dots(f"`{first}`")
        case "unusable":
            return WrongKind(tr("`{name}` cannot be used: {reason}.", name=name, reason=_reason(text)))
        case "changed":
            return CheckFailed(
                tr("{what} changes what it is given.", what=what),
                tr("Whoever calls it may need that as it was: work on a copy, or on something new."),
            )
        case "forbidden":
            return _forbidden(what, content)
        case "interrupted":
            return too_slow(what)
        case "raised":
            return _raised(what, error, text or tr("no message"), plain(content.get("line"), 120))
    return unreadable()


def _forbidden(what: str, content: dict[str, Any]) -> SubmissionFault:
    """That the text forbids what was called."""
    word, found, line = (plain(content.get(part), 120) for part in ("word", "what", "line"))
    if not re.fullmatch(r"[\w.]{1,120}", found):
        return unreadable()
    if word not in WORDS:
        return CheckFailed(
            tr("{what} starts another program (`{found}`).", what=what, found=found),
            tr("What it is asked for here, it has to compute itself."),
        )
    told = {"what": what, "found": found, "line": line}
    match WORDS[word].graphs and found.partition(".")[0] in ("autograd", "torch"), bool(line):
        case True, True:
            message = tr("{what} makes use of autograd in the line `{line}`.", **told)
        case True, False:
            message = tr("{what} makes use of autograd.", **told)
        case _, True:
            message = tr("{what} calls `{found}` in the line `{line}`, which the text forbids.", **told)
        case _:
            message = tr("{what} calls `{found}`, which the text forbids.", **told)
    return CheckFailed(message, tr(WORDS[word].instead))


def _raised(what: str, error: str, text: str, line: str) -> CallFailed:
    raised = {"what": what, "error": error, "text": text}
    if line and not line.startswith("<"):
        message = tr("{what} raised {error}: {text} in the line `{line}`.", **raised, line=line)
    else:
        message = tr("{what} raised {error}: {text}.", **raised)
    return CallFailed(message, tr("Call it yourself in a cell to see the whole error."))


# What the probe says of a value that nothing can be done with: it speaks English, and nobody has to believe it.
_REASONS = (
    mark("it has more than {n} items"),
    mark("it is nested more than {n} deep"),
    mark("it is a number of thousands of digits"),
    mark("it has {n} elements, too many to look at"),
    mark("its texts are too long"),
    mark("it is a {kind}, which cannot be called"),
    mark("it is a {kind}, not an nn.Module"),
)


def _reason(said: str) -> str:
    """A reason of the probe's in the language that is spoken; another text as it is."""
    for template in _REASONS:
        pattern = re.sub(r"\\{(\w+)\\}", r"(?P<\1>.+)", re.escape(template))
        if found := re.fullmatch(pattern, said):
            return tr(template, **found.groupdict())
    return said
