"""Tests that run whole in the notebook's process, and pass if they come to their end: they rest on its word."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

from grader.errors import CheckFailed
from grader.foreign import modules
from grader.foreign.surroundings import Surroundings, parsed
from grader.kernel import exact
from grader.language import tr
from grader.run import Run
from grader.text import plain


class Test(Protocol):
    """What is known of a test: :class:`grader.foreign.tests_file.Test` has it all."""

    __test__: ClassVar[bool] = False

    @property
    def name(self) -> str: ...
    @property
    def form(self) -> str: ...
    @property
    def hidden(self) -> bool: ...
    @property
    def failure(self) -> str: ...
    @property
    def verified(self) -> str: ...


@dataclass(frozen=True)
class Outcome:
    """A test that has passed.

    Attributes
    ----------
    verified
        ``"outside"``, or ``"word"`` where it rests on the notebook's word.
    printed
        What the test printed, and the notebook's functions while it ran.
    value
        Of its last line, if that is an expression with plain data for its value; else None.
    """

    verified: str
    printed: str
    value: Any = None


def on_its_word(run: Run, test: Test, code: str, around: Surroundings, shown: str) -> Outcome:
    """Run a test in the notebook's process, where it passes if it comes to its end.

    Raises
    ------
    SubmissionFault
    """
    source = _source(test, code)
    tree = ast.parse(source)
    named = {one.id for one in ast.walk(tree) if isinstance(one, ast.Name)}
    imports = [*around.stars, *(line for name, line in around.imports.items() if name in named)]
    if "nose" in code or "otter" in code:
        imports.insert(0, f"{inspect.getsource(modules)}\ninstall()")
    passed, found = run_there(run, test, {"op": "test", "imports": imports, "source": source})
    if passed:
        printed = found.get("printed")
        return Outcome("word", printed[: exact.MAX_TEXT] if type(printed) is str else "")
    kind, text = plain(found.get("type"), 100), plain(found.get("text"), 1000, lines=True)
    if kind == "AssertionError" and text and (shown or any(text in one for one in _messages(tree))):
        raise CheckFailed(text)
    if not shown:
        raise CheckFailed(tr("A hidden test does not pass."))
    if kind == "AssertionError":
        raise CheckFailed(tr("The test does not pass."))
    raise CheckFailed(tr("The test raised {error}: {text}.", error=kind, text=text or tr("no message")))


def run_there(run: Run, test: Test, request: dict[str, Any]) -> tuple[bool, dict[str, Any]]:
    """Have the notebook's process run something: whether it says that it came to its end, and all that it says.

    Raises
    ------
    SubmissionFault
    """
    request = {"of": ["z"], "args": ["list", []], "options": ["dict", []], **request}
    found: dict[str, Any] = {}

    def read(content: dict[str, Any], buffers: Sequence[Any]) -> bool:
        found.update(content)
        return content.get("ok") == ["b", True]

    passed = run.step(request, test.name, [], read)
    return passed, found


def _messages(tree: ast.Module) -> list[str]:
    """Texts in the test's code: its author's messages are among them."""
    return [one.value for one in ast.walk(tree) if isinstance(one, ast.Constant) and type(one.value) is str]


def _source(test: Test, code: str) -> str:
    """A test's code as a program, past IPython's magics."""
    if test.form == "doctest":
        return _AS_DOCTEST.format(text=repr(code))
    if parsed(code) is None:
        from IPython.core.inputtransformer2 import TransformerManager  # most tests have no magics

        code = TransformerManager().transform_cell(code)
    return f"{code}\n{_CALLING}" if test.form == "function" else code


_AS_DOCTEST = """
import doctest as _doctest
_session = _doctest.DocTestParser().get_doctest({text}, globals(), "test", None, 0)
try:
    _doctest.DebugRunner(verbose=False).run(_session, out=lambda _: None, clear_globs=False)
except _doctest.DocTestFailure:
    raise AssertionError from None
except _doctest.UnexpectedException as _raised:
    raise _raised.exc_info[1] from None
"""
_CALLING = """
import inspect as _inspect
for _test in [
    _value
    for _value in list(globals().values())
    if _inspect.isfunction(_value)
    and _value.__code__.co_filename == "<test>"
    and (_value.__name__.startswith("test") or hasattr(_value, "grader_test"))
]:
    _test(*[globals() if _one == "env" else globals()[_one] for _one in _inspect.signature(_test).parameters])
"""
