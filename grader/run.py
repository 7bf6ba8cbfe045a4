"""What a check may ask of a notebook that has been run: values, calls, predictions, outputs, files.

All of it comes back as plain data (see :mod:`grader.kernel.wire`), and all of it is a claim. Where the
notebook leaves a check nothing to judge, a :class:`~grader.errors.SubmissionFault` says so to the student.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeVar, overload

import nbformat
import numpy as np

from grader.ahead import Ahead, Kernel, Question
from grader.answers import ClosedAnswer
from grader.claims import numeric, refuse_placeholder
from grader.datasets import Choice, Digits, Form, RatedReviews, Reviews, dataset, form_of
from grader.datasets.base import Parted
from grader.errors import (
    BadClaim,
    ExerciseError,
    KernelGone,
    SubmissionFault,
)
from grader.forbidden import nodes
from grader.kernel import wire
from grader.kernel.patience import NotAskedAgain
from grader.language import grouped, ngettext, tr
from grader.refusals import fault_of, not_defined_before, too_slow, unreadable
from grader.text import plain
from grader.workspace import Workspace

if TYPE_CHECKING:
    from grader.diagnosis import Diagnosis
    from grader.kernel.execution import CellOutcome

T = TypeVar("T")
Without = Literal["", "weights", "states", "own states"]

BATCH = 500
# Numbers in all answers to one question: far more than any exercise needs, and 160 MB.
MAX_PREDICTED = 20_000_000


class Loader(NamedTuple):
    """A `DataLoader` of the notebook's: its batch size (0 where it has none), how many batches, how many samples."""

    batch: int
    batches: int
    samples: int


class Trained(NamedTuple):
    """How a notebook trained.

    Attributes
    ----------
    steps
        How many steps each of its optimisers has taken.
    loaders
        Those that still exist.
    numbers
        Whole numbers above zero that have a name.
    """

    steps: list[int]
    loaders: list[Loader]
    numbers: list[int]


@dataclass
class Run:
    """A notebook that has been run, as checks see it.

    Attributes
    ----------
    choice
        Which form of its data sets the notebook saw, and how much of it.
    until
        Number of a cell that ended the kernel, so that only those before it were run; None mostly.
    asked
        What the check that is being judged has had of the notebook last, in the student's words; "" if nothing yet.
    why
        Knows why names are not there.
    answers
        The exercise's closed answers, by name.
    datasets
        Data sets of the exercise's own, by name.
    """

    kernel: Kernel
    notebook: nbformat.NotebookNode
    workspace: Workspace
    choice: Choice
    rng_for: Callable[[str], np.random.Generator]
    ended: bool = False
    until: int | None = None
    why: Diagnosis | None = None
    asked: str = ""
    answers: Mapping[str, ClosedAnswer] = field(default_factory=dict)
    datasets: Mapping[str, Parted] = field(default_factory=dict)
    _cache: dict[Any, Any] = field(default_factory=dict)
    _ahead: Ahead = field(default_factory=Ahead)
    _purpose: str = ""
    _rng: np.random.Generator | None = None

    def begin(self, check: str) -> None:
        """A check of this name is about to be judged."""
        self._purpose, self._rng, self.asked = f"check {check}", None, ""
        self._ahead.forget()

    def moved_on(self, outputs: Mapping[int, list[Any]], outcomes: list[CellOutcome]) -> None:
        """More cells have been run: what was known of the notebook's names does not hold any more.

        Parameters
        ----------
        outputs
            What those cells left, by their places.
        outcomes
            What became of them, and of those before.
        """
        for place, left in outputs.items():
            self.notebook.cells[place]["outputs"] = left
        if self.why is not None:
            self.why = replace(self.why, outcomes=outcomes)
        self._cache.clear()

    @property
    def data(self) -> Form:
        """Which form of its data sets the notebook saw: ``"full"`` or ``"sample"``."""
        return form_of(self.choice)

    @property
    def rng(self) -> np.random.Generator:
        """Random numbers of the check that is being judged: no notebook can foresee them."""
        if self._rng is None:  # many checks draw nothing
            self._rng = self.rng_for(self._purpose)
        return self._rng

    # ------------------------------------------------------------------ values

    def value(self, name: str) -> Any:
        """Value of a name of the notebook's.

        Returns
        -------
        None, bool, int, float, str, list, tuple, dict, numpy.ndarray or Opaque
            Tensors and arrays alike as ``ndarray``; other objects as ``Opaque(type_name)``.

        Raises
        ------
        NameMissing, AnswerMissing, BadClaim, TooSlow, KernelGone
        """
        key = ("value", name)
        if key not in self._cache:
            self._cache[key] = self._ask({"do": "value", "name": name}, name)
        self.asked = f"`{name}`"
        value = self._cache[key]
        if not (value is None or name.isidentifier()):
            return value
        refuse_placeholder(value, f"`{name}`")
        return value

    def array(self, name: str, what: str = "") -> np.ndarray:
        """Value of a name as an array of float64; see :func:`grader.claims.numeric` for what it raises."""
        return numeric(self.value(name), what or f"`{name}`")

    def has(self, name: str) -> bool:
        """Whether the notebook defines the name, and it is no longer `...`."""
        claimed = self._ask({"do": "has", "names": [name]}, name)
        return type(claimed) is list and len(claimed) == 1 and claimed[0] is True

    def call(
        self,
        name: str,
        /,
        *args: Any,
        seconds: float | None = None,
        forbid: Sequence[str] = (),
        given: Mapping[str, Sequence[tuple[Any, Any]] | wire.InTurn] | None = None,
        unchanged: bool = False,
        **options: Any,
    ) -> Any:
        """Result of calling a function of the notebook's, as a value.

        Parameters
        ----------
        name
            May be dotted: ``"model.forward"``.
        *args, **options
            Plain data and NumPy arrays; :func:`~grader.kernel.wire.tensor` and
            :func:`~grader.kernel.wire.module` for torch's own.
        forbid
            What the text forbids, in words of :data:`grader.forbidden.WORDS`: it fails if the function makes use of
            it, whichever way.
        given
            What other functions of the notebook's give meanwhile, by name. Pairs of an argument and the answer to it,
            for a step to be judged by itself where one before it is wrong; all else they do themselves. Or
            :class:`~grader.kernel.wire.InTurn`, to see that a function makes use of another one's answers.
        unchanged
            True: it fails if the function changes the arguments that it is given.

        Raises
        ------
        NameMissing, WrongKind, CallFailed, CheckFailed, BadClaim, TooSlow, KernelGone
        """
        asked = _call(name, args, options, forbid, given or {}, unchanged)
        return self._ask(asked.request, name, asked.buffers, seconds, called=True)

    def foresee(self, name: str, calls: Iterable[Sequence[Any]]) -> None:
        """Say which calls of a function come next, by their arguments: the answers to small ones come all together.

        It changes nothing but the time that it takes: what is not answered at once, or not asked in this order, is
        asked when its turn comes. The calls are those of :meth:`call` with nothing else than arguments.
        """
        self._ahead.foresee([_call(name, args) for args in calls])

    def step(
        self,
        request: dict[str, Any],
        name: str,
        buffers: list[bytes],
        read: Callable[[dict[str, Any], Sequence[wire.Buffer]], T],
    ) -> T:
        """One step of a test that uses the notebook's own objects; see :mod:`grader.kernel.objects`.

        Parameters
        ----------
        name
            What is asked for, in the student's words.
        read
            Makes a value of the answer, or of what was raised instead.

        Raises
        ------
        NameMissing, AnswerMissing, NotJudged, BadClaim, TooSlow, KernelGone
        """
        request = {"do": "step", "name": name, **request}
        return self._ask(request, name, buffers, called=request["op"] == "call", read=read)  # type: ignore[no-any-return]

    def predict(
        self,
        name: str,
        inputs: np.ndarray | Sequence[str],
        batch: int = BATCH,
        forbid: Sequence[str] = (),
        *,
        several: bool = True,
        without: Without = "",
    ) -> np.ndarray:
        """Answers of a model, or of any function, to inputs that the check picked.

        Asked in batches, in ``eval()`` mode and without gradients, on the model's own device and in its own
        dtype. Of inputs with several axes, the flattened and the squeezed layout are tried too.

        Parameters
        ----------
        inputs
            Array of shape (N, …), or N texts.
        forbid
            As for :meth:`call`.
        several
            Whether the model may return several things, of which the first is its answer, as a recurrent one does.
        without
            What the model does without meanwhile, if its answers ought to hang on that: ``"weights"`` are all zero
            (see :meth:`weights`), the ``"states"`` that its LSTM gives are zero, or another row's (``"own states"``).

        Returns
        -------
        numpy.ndarray
            float64, shape (N, …).

        Raises
        ------
        NameMissing, WrongKind, CallFailed, CheckFailed, BadClaim, TooSlow, KernelGone
        """
        if len(inputs) == 0:
            raise ExerciseError("A check asks for predictions of nothing.")
        parts = []
        layout: int | None = None
        room = MAX_PREDICTED
        what = f"`{name}(…)`"
        # Batches of about the same size: a last one of a single input would trip every model that squeezes.
        batches = -(-len(inputs) // batch)
        for number in range(batches):
            some = inputs[len(inputs) * number // batches : len(inputs) * (number + 1) // batches]
            buffers: list[bytes] = []
            node = wire.encode(some if isinstance(some, np.ndarray) else list(some), buffers)
            request = {"do": "predict", "name": name, "inputs": node, "layout": layout, "without": without}
            request["forbid"] = nodes(forbid)
            reply = self._ask(request, name, buffers, called=True)
            if type(reply) is not tuple or len(reply) != 3 or type(reply[1]) is not int or type(reply[2]) is not int:
                raise unreadable()
            if reply[2] > 1 and not several:
                raise SubmissionFault(
                    tr("{what} returns {n} things, not one.", what=what, n=reply[2]),
                    tr("Return the answer alone: whatever else is to be known can be computed from it outside."),
                )
            answer = numeric(reply[0], what)
            layout = reply[1]
            _expect_one_each(answer, len(some), what)
            room -= answer.size
            if room < 0:
                raise SubmissionFault(tr("{what} gives more than {n} numbers.", what=what, n=grouped(MAX_PREDICTED)))
            parts.append(answer)
        if len({part.shape[1:] for part in parts}) > 1:
            raise SubmissionFault(tr("{what} gives answers of a different shape from batch to batch.", what=what))
        return np.concatenate(parts)

    def parameters(self, name: str) -> dict[str, np.ndarray]:
        """Parameters of an ``nn.Module``, by name, in its own order."""
        claimed = self._ask({"do": "parameters", "name": name, "values": True}, name)
        return {
            str(key): numeric(value, f"`{name}.{plain(str(key), 60)}`") for key, value in self._items(claimed, name)
        }

    def shapes(self, name: str) -> dict[str, tuple[int, ...]]:
        """Shapes of the parameters of an ``nn.Module``, by name, in its own order."""
        claimed = self._ask({"do": "parameters", "name": name, "values": False}, name)
        shapes = {}
        for key, value in self._items(claimed, name):
            if type(value) is not list or not all(type(n) is int and n >= 0 for n in value):
                raise BadClaim(tr("The shapes of `{name}`'s parameters cannot be read.", name=name))
            shapes[str(key)] = tuple(value)
        return shapes

    def weights(self, name: str) -> tuple[list[tuple[int, ...]], bool]:
        """Shapes of the tensors that training adjusts, wherever a model keeps them: a module, a function around one.

        Returns
        -------
        shapes, adjusted
            `adjusted` is False where no tensor takes part in autograd: then these are all the plain numbers that
            the model hangs on, which may be weights of a network by hand or a whole data set.
        """
        claimed = self._ask({"do": "weights", "name": name}, name)
        if type(claimed) is not tuple or len(claimed) != 2 or type(claimed[0]) is not list:
            raise unreadable()
        for shape in claimed[0]:
            if type(shape) is not list or not all(type(n) is int and n >= 0 for n in shape):
                raise unreadable()
        return [tuple(shape) for shape in claimed[0]], claimed[1] is True

    def trained(self) -> Trained:
        """How the notebook trained, as far as its process knows."""
        claimed = self._ask({"do": "trained"}, "")
        if type(claimed) is not dict:
            raise unreadable()
        steps, loaders, numbers = (claimed.get(key) for key in ("steps", "loaders", "numbers"))
        if not (type(steps) is type(loaders) is type(numbers) is list):
            raise unreadable()
        if not all(type(n) is int for n in [*steps, *numbers]):
            raise unreadable()
        if not all(type(one) is tuple and len(one) == 3 and all(type(n) is int for n in one) for one in loaders):
            raise unreadable()
        return Trained(steps, [Loader(*one) for one in loaders], numbers)

    def _items(self, claimed: Any, name: str) -> list[tuple[Any, Any]]:
        if type(claimed) is not dict:
            raise BadClaim(tr("The parameters of `{name}` cannot be read.", name=name))
        return list(claimed.items())

    # ------------------------------------------------------------------ what the notebook left

    def output(self, cell_id: str | None = None) -> str:
        """Text that the cells printed, or that one cell did."""
        texts = []
        for cell in self.notebook.cells:
            if cell.cell_type != "code" or cell_id not in (None, cell.get("id")):
                continue
            for output in cell.get("outputs", []):
                text = (
                    output.get("text") if output.output_type == "stream" else output.get("data", {}).get("text/plain")
                )
                if text:
                    texts.append(plain(text, 100_000, lines=True))
        return "\n".join(texts)

    def files(self, pattern: str = "*") -> list[str]:
        """Names of the files that the notebook wrote, relative to its folder, sorted."""
        self._only_ended()
        return self.workspace.written(pattern)

    def file(self, name: str) -> bytes:
        """Contents of a file that the notebook wrote: a regular one, no link, within the cap.

        Raises
        ------
        SubmissionFault
            There is none, or it is no ordinary file, or it is too large.
        """
        self._only_ended()
        self.asked = plain(name, 60)
        return self.workspace.read(name)

    def _only_ended(self) -> None:
        if not self.ended:
            raise ExerciseError(
                "A check reads the notebook's files while its process is alive.",
                'Give the check when="ended".',
            )

    # ------------------------------------------------------------------ what only the grader has

    def answer(self, name: str) -> ClosedAnswer:
        """A closed answer of the exercise's.

        Raises
        ------
        ExerciseError
            There is none of that name.
        """
        if name not in self.answers:
            raise ExerciseError(
                f"There is no answer named {name!r}.",
                "Write it into answers.toml beside the solution, and run `grade release`.",
            )
        return self.answers[name]

    @overload
    def heldout(self, name: Literal["mnist"]) -> Digits: ...
    @overload
    def heldout(self, name: Literal["reviews"]) -> Reviews: ...
    @overload
    def heldout(self, name: Literal["drugs"]) -> RatedReviews: ...
    @overload
    def heldout(self, name: str) -> Any: ...
    def heldout(self, name: str) -> Any:
        """Test data of a data set that no notebook ever sees; the same for all checks of this run."""
        return self.once_for(
            ("heldout", name), lambda: self._dataset(name).heldout(self.choice, self.rng_for(f"heldout {name}"))
        )

    @overload
    def alike(self, name: Literal["mnist"]) -> Digits: ...
    @overload
    def alike(self, name: Literal["reviews"]) -> Reviews: ...
    @overload
    def alike(self, name: Literal["drugs"]) -> RatedReviews: ...
    @overload
    def alike(self, name: str) -> Any: ...
    def alike(self, name: str) -> Any:
        """Test data that no notebook sees, of the very kind of what it sees: to compare a model on both."""
        return self.once_for(
            ("alike", name), lambda: self._dataset(name).alike(self.choice, self.rng_for(f"alike {name}"))
        )

    @overload
    def visible(self, name: Literal["mnist"]) -> Digits: ...
    @overload
    def visible(self, name: Literal["reviews"]) -> Reviews: ...
    @overload
    def visible(self, name: Literal["drugs"]) -> RatedReviews: ...
    @overload
    def visible(self, name: str) -> Any: ...
    def visible(self, name: str) -> Any:
        """Test data of a data set that the notebook sees as well."""
        return self.once_for(("visible", name), lambda: self._dataset(name).visible(self.choice))

    @overload
    def training(self, name: Literal["mnist"]) -> Digits: ...
    @overload
    def training(self, name: Literal["reviews"]) -> Reviews: ...
    @overload
    def training(self, name: Literal["drugs"]) -> RatedReviews: ...
    @overload
    def training(self, name: str) -> Any: ...
    def training(self, name: str) -> Any:
        """Training data of a data set, as the notebook has it in ./data."""
        return self.once_for(("training", name), lambda: self._dataset(name).training(self.choice))

    def _dataset(self, name: str) -> Parted:
        return self.datasets.get(name) or dataset(name)

    def once(self, function: Callable[[Run], T]) -> T:
        """``function(self)``, computed once for all checks; what it raises, it raises again each time."""
        return self.once_for(("once", function), lambda: function(self))

    def once_for(self, key: Any, compute: Callable[[], T]) -> T:
        """``compute()``, once for each key."""
        if key not in self._cache:
            before, self.asked = self.asked, ""
            try:
                self._cache[key] = (compute(), None, self.asked)
            except SubmissionFault as fault:
                self._cache[key] = (None, fault, self.asked)
            finally:
                self.asked = self.asked or before
        found, raised, asked = self._cache[key]
        self.asked = asked or self.asked
        if raised is not None:
            raise raised
        return found  # type: ignore[no-any-return]

    # ------------------------------------------------------------------ the one way to ask

    def _ask(
        self,
        request: dict[str, Any],
        name: str,
        buffers: list[bytes] | None = None,
        seconds: float | None = None,
        called: bool = False,
        read: Callable[[dict[str, Any], Sequence[wire.Buffer]], Any] | None = None,
    ) -> Any:
        if self.ended:
            raise ExerciseError("A check asks the notebook's kernel after it has ended.", 'Give the check when="live".')
        self.asked = what = f"`{name}(…)`" if called else f"`{name}`"
        try:
            reply = self._ahead.ask(self.kernel, Question(request, buffers or []), seconds)
        except NotAskedAgain as again:
            raise too_slow(what, again.seconds) from None
        except TimeoutError:
            raise too_slow(what) from None
        except MemoryError:
            raise KernelGone(
                tr("{what} took more memory than a notebook may have.", what=what), tr("Work in smaller batches.")
            ) from None
        except ConnectionError:
            raise KernelGone(tr("The notebook's kernel is dead, so nothing more can be asked of it.")) from None
        content = reply.content
        if "ok" in content and read is not None:
            return read(content, reply.buffers)
        if "ok" in content:
            return wire.decode(content["ok"], reply.buffers)
        if self.until is not None and content.get("error") == "missing":
            cell = str(self.until) if self.why is None else self.why.cell(self.until)
            raise not_defined_before(name.partition(".")[0], cell)
        raised = read is not None and content.get("error") == "raised"
        if self.why is None and not raised:
            raise fault_of(content, name, what)
        kind, error, text = (plain(content.get(part), 300) for part in ("error", "type", "text"))
        if kind == "missing" and self.why is not None:
            raise self.why.missing(name.partition(".")[0])
        written = plain(content.get("line"), 120).startswith("raise")
        if kind == "raised" and not written and self.why is not None:
            # A function that imports what is not here, and makes no use of it, is judged by its answer.
            package = self.why.imported_inside(error, text)
            if package and "absent" not in request:
                return self._ask(request | {"absent": [package]}, name, buffers, seconds, called, read)
            if (hanging := self.why.hangs(error, text)) is not None:
                raise hanging
        if read is not None and raised:
            return read(content, reply.buffers)
        raise fault_of(content, name, what)


def _call(
    name: str,
    args: Sequence[Any],
    options: Mapping[str, Any] = {},
    forbid: Sequence[str] = (),
    given: Mapping[str, Sequence[tuple[Any, Any]] | wire.InTurn] = {},
    unchanged: bool = False,
) -> Question:
    buffers: list[bytes] = []
    request = {
        "do": "call",
        "name": name,
        "forbid": nodes(forbid),
        "given": [
            [other, isinstance(answers, wire.InTurn), wire.encode(list(answers), buffers)]
            for other, answers in given.items()
        ],
        "unchanged": unchanged,
        "args": wire.encode(list(args), buffers),
        "options": wire.encode(dict(options), buffers),
    }
    return Question(request, buffers)


def _expect_one_each(answer: np.ndarray, inputs: int, what: str) -> None:
    """Fail unless there is an answer for each input."""
    if answer.ndim > 0 and len(answer) == inputs:
        return
    given = ngettext("{n} input", "{n} inputs", inputs)
    if answer.ndim == 0:
        message = tr("{what} gives one number for {inputs}.", what=what, inputs=given)
    else:
        answers = ngettext("{n} answer", "{n} answers", len(answer))
        message = tr("{what} gives {answers} for {inputs}.", what=what, answers=answers, inputs=given)
    raise SubmissionFault(message, tr("It has to give one answer for each input: keep the batch as the first axis."))
