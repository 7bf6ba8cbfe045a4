"""Running the cells: nbclient, with every one of its resources bounded."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import AsyncIterator, Callable, Container, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from sys import getsizeof
from typing import Any, Literal

import nbformat
from nbclient import NotebookClient
from nbclient.client import CellExecutionComplete
from nbclient.exceptions import CellTimeoutError, DeadKernelError

from grader.budget import Budget
from grader.formats.cell import PLACE
from grader.kernel.client import BoundedClient, Meter
from grader.kernel.signs import Signs
from grader.kernel.watchdog import GRACE_S, Watchdog
from grader.machine_paths import unplaced
from grader.packages import Packages
from grader.sources import Rest, after_import, behind, defined, imported
from grader.text import plain

CellStatus = Literal["ok", "error", "timeout", "memory", "processes", "files", "output", "died", "stopped", "not run"]

# A cell may send many times what it shows in the end: a progress bar writes over itself with every batch.
_SENT_FOR_SHOWN = 20
_MESSAGES_A_CELL = 200_000
_TEXT_LIMIT = 100_000
# What an output costs beside its text.
_OUTPUT = 1_000
# All cells together may send as much as so many cells may: it is held until the notebook is written.
_CELLS_FULL_OF_OUTPUT = 4
_IDLE_S = 4
# From when a cell has sent too much to the interrupt: one that is about to end does so by itself. And from there to the
# next cell: the interrupt is not to come upon that one.
_ENDS_S, _INTERRUPTED_S = 0.2, 0.2
# Outputs that `update_display` may still change: nbclient looks through all of them each time.
_CHANGEABLE = 500
# How often a cell is run on behind something that a package is missing for.
_MOST_TIMES = 30
_SYNTAX = ("SyntaxError", "IndentationError", "TabError")
_UNCOMPILED = re.compile(r" \(\d+\.py, line (\d{1,6})\)$")
_IN_CELL = re.compile(r"Cell In\[\d+\], line (\d{1,6})")
_TIMED = re.compile(r"<timed exec>:(\d{1,6})")
_HEADING = re.compile(r"^#{1,6}[ \t]+([^\n#]{1,200})", re.MULTILINE)
# A line for whoever looks on, and where in what was printed it is looked for.
_LINE, _LOOKED_AT = 160, 2_000
_NO_MODULE = re.compile(r"No module named '([A-Za-z_][\w.]*)'")
_NO_NAME = re.compile(r"cannot import name '(\w+)' from '([A-Za-z_]\w*)")
_NO_EXCEPTION = "catching classes that do not inherit from BaseException"
_CAUGHT = re.compile(r"except[\s(*]+([A-Za-z_]\w*)")
# What `mo.stop` raises, marimo's own and that which stands in for it.
_STOPPED = "MarimoStopError"
UNDEFINED = re.compile(r"name '(\w+)' is not defined")
_STANDS_IN = re.compile(r"\b([A-Za-z_]\w*)_not_installed\b")
_MIME = re.compile(r"[\w.+/-]{1,100}")


@dataclass
class CellOutcome:
    """How one code cell went.

    Attributes
    ----------
    number
        Its place among the code cells, from 1: what Jupyter shows as ``In [3]`` after a run from top to bottom.
    in_all
        Whether the time that ran out was the whole notebook's.
    error_type, error
        The exception that ended it, as plain text; empty if none did.
    line, quote, heading
        The line of the cell that it came from, as a number and as text, and the heading above the cell.
    compiles
        Whether it is Python at all: of a cell that is not, nothing runs.
    silenced
        Whether the kernel, though alive, answered no more after it, so that it was ended.
    lacks
        Packages that are not on this machine, or forbidden, and that it imports: it was run without these. With the
        names that each would have bound.
    place
        What the file says of the cell, where that is a text: see :class:`grader.formats.cell.Cell`.
    index
        Its place among all cells, from 0.
    held_by
        The cell that it hangs on, for the sake of which it was not run: refused, switched off, or ended by `mo.stop`.
    went_on
        Whether it failed for want of these only: all the rest of it has been run.
    """

    number: int
    cell_id: str
    status: CellStatus = "not run"
    seconds: float = 0.0
    in_all: bool = False
    error_type: str = ""
    error: str = ""
    line: int = 0
    quote: str = ""
    heading: str = ""
    compiles: bool = True
    silenced: bool = False
    lacks: dict[str, frozenset[str]] = field(default_factory=dict)
    went_on: bool = False
    place: Mapping[str, Any] = field(default_factory=dict)
    held_by: CellOutcome | None = None
    index: int = 0

    @property
    def refused(self) -> str:
        """Why it cannot run as it stands, as a sentence; "" where it can."""
        return str(self.place.get("refused", ""))

    @property
    def disabled(self) -> bool:
        """Whether its author switched it off."""
        return self.place.get("disabled") is True

    @property
    def first_line(self) -> int:
        """Where in the file its source begins, where that is a text; else 0."""
        return int(self.place.get("line", 0))

    @property
    def label(self) -> str:
        """What its author sees of it: its name, its number in the file, or that of a run from top to bottom."""
        return str(self.place.get("name") or self.place.get("number") or self.number)


def named_package(error_type: str, error: str) -> str:
    """The package for want of which something says that it was raised; "" if it says nothing of the kind."""
    if error_type == "ImportError" and error.startswith("IProgress not found"):  # says tqdm
        return "ipywidgets"
    if error_type == "ModuleNotFoundError" and (found := _NO_MODULE.match(error)):
        return found[1].partition(".")[0]
    found = _STANDS_IN.search(error)
    return found[1] if found else ""


def missing_package(outcome: CellOutcome, packages: Packages) -> str:
    """The package for want of which a cell says that it ended, if that is missing or forbidden here; else ""."""
    package = named_package(outcome.error_type, outcome.error)
    return package if package and packages.lack(package) else ""


def imported_in_vain(outcome: CellOutcome) -> tuple[str, str]:
    """The package of which a cell says that it could not import something, and what; each "" where it says nothing."""
    if outcome.error_type == "ImportError" and (found := _NO_NAME.match(outcome.error)):
        return found[2], found[1]
    return named_package(outcome.error_type, outcome.error) if outcome.error_type == "ModuleNotFoundError" else "", ""


def overwritten(text: str) -> str:
    """Text as a terminal shows it after carriage returns: a progress bar is its last state alone."""
    lines = text.replace("\r\n", "\n").split("\n")
    return "\n".join(line.rstrip("\r").rpartition("\r")[2] for line in lines)


def _rolled(text: str) -> str:
    """The same of text that may go on: a carriage return at the end has not done its work yet."""
    lines = text.replace("\r\n", "\n").split("\n")
    bodies = [line.rstrip("\r") for line in lines]
    return "\n".join(
        body.rpartition("\r")[2] + ("\r" if body != line else "") for body, line in zip(bodies, lines, strict=True)
    )


def _cost(out: dict[str, Any]) -> int:
    """What an output is counted as."""
    texts = [out.get("text", ""), *out.get("traceback", ()), *out.get("data", {}).values()]
    return _OUTPUT + sum(map(getsizeof, texts))


def _is_output(kind: str, content: dict[str, Any]) -> bool:
    """Whether a message is an output as kernels send them; a forged one may be anything."""

    def has(name: str, wanted: type) -> bool:
        return type(content.get(name)) is wanted

    match kind:
        case "stream":
            return content.get("name") in ("stdout", "stderr") and has("text", str)
        case "error":
            lines = content.get("traceback")
            return (
                has("ename", str) and has("evalue", str) and type(lines) is list and all(type(x) is str for x in lines)
            )
        case "display_data" | "execute_result" | "update_display_data":
            return has("data", dict) and has("metadata", dict)
    return False


def _made_plain(kind: str, content: dict[str, Any]) -> None:
    """Take out of a message what has no place in a notebook's file, or takes far more memory than its text."""
    if "data" in content:
        data = content["data"].items()
        content["data"] = {mime: text for mime, text in data if type(text) is str and _MIME.fullmatch(mime)}
        content["metadata"] = {}
    number = content.get("execution_count")
    if type(number) is not int or not 0 <= number < 1_000_000:
        content.pop("execution_count", None)
        if kind == "execute_result":
            content["execution_count"] = None
    if type(transient := content.get("transient")) is not dict or type(transient.get("display_id")) is not str:
        content.pop("transient", None)


_PARTS = {
    "stream": ("name", "text"),
    "error": ("ename", "evalue", "traceback"),
    "display_data": ("data", "metadata"),
    "execute_result": ("data", "metadata", "execution_count"),
}


def _node(kind: str, content: dict[str, Any]) -> nbformat.NotebookNode | None:
    """An output that :func:`_is_output` has seen, as a notebook holds it; nbformat's own way checks a schema again."""
    if kind not in _PARTS:
        return None
    return nbformat.from_dict({"output_type": kind} | {part: content.get(part) for part in _PARTS[kind]})


def _take_places_out(output: nbformat.NotebookNode) -> None:
    """Leave no folder of this machine's in an output: students get it."""
    for part in ("text", "evalue"):
        if part in output:
            output[part] = unplaced(output[part])
    if "traceback" in output:
        output["traceback"] = [unplaced(line) for line in output["traceback"]]
    for kind, text in output.get("data", {}).items():
        if kind in ("text/plain", "text/html"):
            output["data"][kind] = unplaced(text)


def _blame(outcomes: list[CellOutcome], waited_for: CellOutcome, begun: bool) -> None:
    """Say which cell silenced the kernel: one that it does not even begin is not at fault, but the one before it."""
    place = outcomes.index(waited_for)
    culprit = outcomes[place if begun else max(0, place - 1)]
    waited_for.status = "not run"
    culprit.status, culprit.silenced = "died", True


class NotebookRunner(NotebookClient):
    """Runs the code cells of one notebook in a kernel that is already there.

    A cell that fails, hangs or floods is a :class:`CellOutcome`, never an exception.

    Parameters
    ----------
    instead
        What is run in place of a cell's source, by the cell's place among all: nothing, where that is empty.
    """

    def __init__(
        self,
        notebook: nbformat.NotebookNode,
        client: BoundedClient,
        watchdog: Watchdog,
        signs: Signs,
        packages: Packages,
        instead: Mapping[int, str] | None = None,
    ) -> None:
        super().__init__(
            notebook,
            allow_errors=True,
            timeout=None,
            record_timing=False,
            coalesce_streams=False,  # its regular expressions take quadratic time on a long line
            store_widget_state=False,
            raise_on_iopub_timeout=True,
            iopub_timeout=_IDLE_S,
        )
        self.kc: BoundedClient = client
        self.watchdog = watchdog
        self.signs = signs
        self._lost = False
        self._follow: Callable[[str], object] | None = None  # told the last line of the stream
        self._stream: nbformat.NotebookNode | None = None
        self._line = ""
        self._flood: asyncio.TimerHandle | None = None
        self.packages = packages
        self.outcomes: list[CellOutcome] = []
        self._lacking: set[str] = set()
        self._standing: dict[str, str] = {}  # names that were bound to something that stands for a package
        self._starred = ""  # of which everything was imported, whatever that is
        self.comm_open_handlers: dict[str, Any] = {}
        self._shown = self._room = 0
        self._updates: dict[str, int] = {}
        self._sources = [(instead or {}).get(place, cell.source) for place, cell in enumerate(notebook.cells)]

    async def run(
        self,
        budget: Budget,
        device: str,
        stop_on_error: bool,
        progress: Callable[[int, int], object] | None,
        until: int | None = None,
        seconds: float | None = None,
        printed: Callable[[int, int, str], object] | None = None,
        pauses: Container[int] = (),
    ) -> AsyncIterator[int]:
        """Run every code cell; what a dead kernel or the notebook's budget leaves over is `not run`.

        Yields
        ------
        int
            At each pause: the place of the cell that is run next. A pause takes none of the cells' time.

        Parameters
        ----------
        until
            Do not run this cell, nor what follows.
        seconds
            For all cells together, where that is less than their budget.
        printed
            Told now and then what a cell that takes its time printed last.
        pauses
            Places of cells, among all cells and from 0, at which to pause: before the next cell of code is run.
        """
        cells = [(i, cell) for i, cell in enumerate(self.nb.cells) if cell.cell_type == "code" and cell.source.strip()]
        self.outcomes = outcomes = [
            CellOutcome(number, str(cell.get("id", "")), place=cell.metadata.get(PLACE, {}), index=index)
            for number, (index, cell) in enumerate(cells, 1)
        ]
        reached = 0  # cells before this one are behind us, whichever kind they are of
        held: dict[str, CellOutcome] = {}
        cell_s, total_s = budget.seconds(device)
        ends = self.watchdog.now() + (total_s if seconds is None else min(total_s, seconds))
        room = int(budget.output_mb * 1_000_000)
        room_in_all = _CELLS_FULL_OF_OUTPUT * room
        for (index, cell), outcome in zip(cells, outcomes, strict=True):
            if outcome.number == until:
                break
            if any(place in pauses for place in range(reached, index)):
                paused = self.watchdog.now()
                yield index
                ends += self.watchdog.now() - paused
                if not self.kc.is_alive():
                    break
            reached = index
            if progress is not None:
                progress(outcome.number, len(cells))
            if printed is not None:
                self._follow, self._stream, self._line = partial(printed, outcome.number, len(cells)), None, ""
            if self._is_held(outcome, held):
                held[outcome.cell_id] = outcome.held_by or outcome
                if stop_on_error and outcome.status == "error":
                    break
                continue
            if not self._sources[index].strip():
                outcome.status = "ok"
                continue
            left = ends - self.watchdog.now()
            started = time.monotonic()
            meter = Meter(_SENT_FOR_SHOWN * room, _MESSAGES_A_CELL, self._end_flood)
            self._shown, self._room = 0, min(room, room_in_all)
            shown, cell["source"] = cell.source, self._sources[index]
            try:
                with self.watchdog.limit(min(cell_s, max(left, 0.0)), "cell" if cell_s <= left else "total"):
                    await self._run_cell(cell, index, outcome, meter)
                    await self._run_without_what_is_missing(cell, index, outcome, meter)
            finally:
                cell["source"] = shown
            outcome.seconds = time.monotonic() - started
            if outcome.status == "stopped":
                held[outcome.cell_id] = outcome
            room_in_all -= self._shown
            if self._lost and not meter.spent:  # else its reply was thrown away here, since it is too large
                _blame(outcomes, outcome, begun=self.signs.begun)
            if (
                outcome.status in ("died", "not run")
                or self.watchdog.killed
                or (stop_on_error and outcome.status == "error")
            ):
                break
            if self.watchdog.now() >= ends:
                break

    def _is_held(self, outcome: CellOutcome, held: Mapping[str, CellOutcome]) -> bool:
        """Whether a cell is not run, since it cannot be, or must not, or hangs on one that was not."""
        outcome.held_by = next((held[one] for one in outcome.place.get("after", ()) if one in held), None)
        if outcome.refused:
            outcome.status, outcome.held_by = "error", None
        return bool(outcome.refused or outcome.disabled or outcome.held_by)

    async def _run_cell(self, cell: nbformat.NotebookNode, index: int, outcome: CellOutcome, meter: Meter) -> None:
        self.kc.meter(meter)
        self.signs.sent()
        if meter.spent:  # by what came before the import that is missing
            self._end_flood()
        outcome.status = "ok"
        try:
            await self.async_execute_cell(cell, index)
        except DeadKernelError:
            outcome.status = "died"
        except CellTimeoutError:
            pass  # the cell is done, yet the end of its output never came: most likely it was too large, see the meter
        except Exception as error:  # a reply that nbclient stumbles over: forged, since honest kernels send none
            outcome.status = "error"
            outcome.error_type, outcome.error = "UnreadableReply", plain(str(error))
            await self._settle()
        finally:
            self.kc.meter(None)
            await self._flood_is_over()
        self._judge(cell, outcome, meter)

    async def _run_without_what_is_missing(
        self, cell: nbformat.NotebookNode, index: int, outcome: CellOutcome, meter: Meter
    ) -> None:
        """Run what comes behind an import that failed because the package is not on this machine.

        It is the grader that looks: at the statement in the cell, and for the package. What would have come from a
        package that there is, is something that stands for it; behind a statement that cannot do without the package
        the cell goes on as well.
        """
        source, failed = cell.source, replace(outcome)
        for _ in range(_MOST_TIMES):
            package = self._wanting(outcome) if outcome.status == "error" else ""
            rest = self._rest(source, outcome, package) if package else None
            if rest is None:
                return
            outcome.lacks[package] = outcome.lacks.get(package, frozenset()) | rest.names
            if self.packages.hinders(package):
                self._standing |= dict.fromkeys(rest.names, package)
            if not rest.source or rest.source == source:
                return
            outputs = cell.outputs
            self.clear_display_id_mapping(index)
            cell["source"] = source = rest.source
            try:
                await self._run_cell(cell, index, outcome, meter)
            finally:
                cell["source"] = self._sources[index]
                cell["outputs"] = [*outputs, *cell.outputs]
            if outcome.status == "ok":  # what is wrong with the cell is still what failed first
                outcome.status, outcome.error_type, outcome.error = "error", failed.error_type, failed.error
                outcome.line, outcome.quote, outcome.went_on = failed.line, failed.quote, True
                return

    def _wanting(self, outcome: CellOutcome) -> str:
        """The package for want of which a cell failed, or that may have brought along a name that is not there."""
        found = UNDEFINED.match(outcome.error) if outcome.error_type == "NameError" else None
        if found is None:
            return (
                missing_package(outcome, self.packages) or self._caught_in_vain(outcome) or imported_in_vain(outcome)[0]
            )
        nobodys = not any(found[1] in defined(one) for one in self._code())
        return self._starred if nobodys else ""

    def _caught_in_vain(self, outcome: CellOutcome) -> str:
        """The package whose exception a cell would have caught: what stands for it can be none."""
        if outcome.error_type != "TypeError" or not outcome.error.startswith(_NO_EXCEPTION):
            return ""
        found = _CAUGHT.match(outcome.quote)
        return self._standing.get(found[1], "") if found else ""

    def _code(self) -> list[str]:
        return [one for one, cell in zip(self._sources, self.nb.cells, strict=True) if cell.cell_type == "code"]

    def _rest(self, source: str, outcome: CellOutcome, package: str) -> Rest | None:
        """What is left of a cell that failed for want of a package; None if that is its own affair."""
        there_is = self.packages.hinders(package)
        rest = after_import(source, outcome.line, package, there_is, imported_in_vain(outcome)[1])
        if rest is not None:
            self._lacking.add(package)
            self._starred = package if there_is and "*" in rest.names else self._starred
        if rest is not None or not there_is or outcome.quote.startswith("raise"):
            return rest
        if package in self._lacking or any(package in imported(one) for one in self._code()):
            return behind(source, outcome.line, package, self._code())
        return None

    def _judge(self, cell: nbformat.NotebookNode, outcome: CellOutcome, meter: Meter) -> None:
        cell["execution_count"] = outcome.number  # whatever the kernel said
        for output in cell.outputs:
            _take_places_out(output)
            if output.get("output_type") == "stream":
                output["text"] = overwritten(output["text"])
            if output.get("output_type") == "error":
                outcome.error_type, outcome.error = (
                    plain(output.get("ename"), 80),
                    plain(output.get("evalue"), 300),
                )
                if outcome.status == "ok":
                    outcome.status = "error"
                self._place(cell, outcome, output["traceback"])
        if outcome.place and outcome.error_type == _STOPPED:
            outcome.status, outcome.error_type, outcome.error = "stopped", "", ""
            cell["outputs"] = [one for one in cell.outputs if one.get("output_type") != "error"]
        alarm = self.watchdog.take_alarm()
        if alarm in ("memory", "processes", "files"):
            outcome.status = alarm
        elif alarm is not None:
            outcome.status, outcome.in_all = "timeout", alarm == "total"
        elif meter.spent:
            outcome.status = "output"

    def _place(self, cell: nbformat.NotebookNode, outcome: CellOutcome, traceback: list[str]) -> None:
        """Where in the cell an error came from: IPython tells a line, the cell what stands there."""
        if found := _UNCOMPILED.search(outcome.error) if outcome.error_type in _SYNTAX else None:
            outcome.error, outcome.compiles = outcome.error[: found.start()], False
        else:
            found = next(filter(None, (_IN_CELL.search(plain(one, 2_000)) for one in traceback[:20])), None)
        outcome.line = int(found[1]) if found else 0
        if cell.source.startswith("%%time") and (found := _TIMED.search(plain("\n".join(traceback[:20]), 5_000))):
            outcome.line = int(found[1]) + 1
        elif cell.source.startswith("%%capture") and outcome.line:
            outcome.line += 1  # what it captures is a cell without its first line
        lines = cell.source.splitlines()
        outcome.quote = plain(lines[outcome.line - 1].strip(), 120) if 0 < outcome.line <= len(lines) else ""
        place = next((n for n, one in enumerate(self.nb.cells) if one is cell), 0)
        above = [one.source for one in self.nb.cells[:place] if one.cell_type == "markdown"]
        headings = [title for text in above for title in _HEADING.findall(text[:10_000])]
        outcome.heading = plain(headings[-1], 80) if headings else ""

    def _end_flood(self) -> None:
        """Soon interrupt the cell, which has sent more than it may, or a message that is too large to take."""
        self._flood = asyncio.get_running_loop().call_later(_ENDS_S, self.watchdog.interrupt_now, _IDLE_S + GRACE_S)

    async def _flood_is_over(self) -> None:
        flood, self._flood = self._flood, None
        if flood is None:
            return
        interrupted = flood.when() <= asyncio.get_running_loop().time()
        flood.cancel()
        if interrupted:
            await asyncio.sleep(_INTERRUPTED_S)

    async def _settle(self) -> None:
        """Let the cell that went on after an unreadable reply end, so that the next one has the kernel to itself."""
        self.watchdog.interrupt_now()
        await asyncio.sleep(0.5)

    # ------------------------------------------------------------------ nbclient's own steps, bounded

    async def _async_poll_kernel_alive(self) -> None:
        """As nbclient's, but asks five times a second."""
        while True:
            await asyncio.sleep(0.2)
            self._tell_line()
            if self.signs.lost():
                self._lost = True
                self.watchdog.end()
            try:
                await self._async_check_alive()
            except DeadKernelError:
                await asyncio.sleep(0.1)  # let a last reply through
                if self.task_poll_for_reply is not None:
                    self.task_poll_for_reply.cancel()
                return

    def _tell_line(self) -> None:
        """Tell the last line that the cell printed, to whoever looks on, if it is another one."""
        if self._follow is None or self._stream is None:
            return
        shown = overwritten(self._stream.text[-_LOOKED_AT:]).rstrip().rpartition("\n")[2]
        if (line := plain(shown, _LINE)) != self._line:
            self._line = line
            try:
                self._follow(line)
            except BaseException:  # whoever looks on does so at leisure: the cell goes on
                self._follow = None

    def process_message(self, msg: dict[str, Any], cell: nbformat.NotebookNode, cell_index: int) -> Any:
        try:
            kind, content = msg["msg_type"], msg["content"]
            if kind in ("display_data", "execute_result", "update_display_data") and not _is_output(kind, content):
                return None
            _made_plain(kind, content)
            if "transient" in content and kind != "update_display_data" and self._changeable() >= _CHANGEABLE:
                del content["transient"]
            if kind == "update_display_data":
                self._count_update(content)
            return super().process_message(msg, cell, cell_index)
        except CellExecutionComplete:
            raise
        except Exception:  # a forged message lacks what nbclient relies on: it is not there
            return None

    def _changeable(self) -> int:
        return sum(len(places) for cells in self._display_id_map.values() for places in cells.values())

    def output(self, outs: list[Any], msg: dict[str, Any], display_id: str | None, cell_index: int) -> Any:
        if self.kc.iopub_channel.meter is not None and self.kc.iopub_channel.meter.spent:
            return None
        content = msg["content"]
        if not _is_output(msg["msg_type"], content):
            return None
        if msg["msg_type"] == "stream" and len(content["text"]) > _TEXT_LIMIT:
            content["text"] = content["text"][:_TEXT_LIMIT] + "\n[the rest is left out]\n"
        if self.output_hook_stack[msg["parent_header"].get("msg_id")]:
            return super().output(outs, msg, display_id, cell_index)
        if self.clear_before_next_output:  # type: ignore[has-type]
            outs[:] = []
            self._shown = 0
            self.clear_display_id_mapping(cell_index)
            self.clear_before_next_output = False
        if display_id:
            self._display_id_map.setdefault(display_id, {}).setdefault(cell_index, []).append(len(outs))
        if msg["msg_type"] == "stream" and (joined := self._joined(outs, content)):
            self._stream = joined
            return joined
        out = _node(msg["msg_type"], content)
        if msg["msg_type"] == "stream":
            self._stream = out
        if out is not None:
            outs.append(out)
            self._count(_cost(out))
            if display_id:
                self._updates[display_id] = _cost(out)
        return out

    def _joined(self, outs: list[Any], content: dict[str, Any]) -> Any:
        """The output that a piece of a stream was added to: that before it, or the progress bar that it writes over."""
        text = content["text"]
        moves_on = not text.startswith("\r") or "\n" in text
        for out in outs[-1:] if moves_on else reversed(outs[-2:]):
            if out.output_type == "stream" and out.name == content["name"]:
                break
        else:
            return None
        if len(out.text) >= _TEXT_LIMIT:
            self._count(getsizeof(text) if moves_on else 0)
            return out
        before = getsizeof(out.text)
        done, newline, line = out.text.rpartition("\n")
        out.text = f"{done}{newline}{_rolled(line + text)}"
        self._count(getsizeof(out.text) - before)
        return out

    def _count(self, more: int) -> None:
        """Count what the cell shows; more of it than may be ends it."""
        self._shown += more
        if self._shown > self._room and self.kc.iopub_channel.meter is not None:
            self.kc.iopub_channel.meter.exhaust()

    def _count_update(self, content: dict[str, Any]) -> None:
        """Count an output that takes another's place."""
        display_id = content.get("transient", {}).get("display_id")
        if display_id in self._display_id_map:
            cost = _cost(content)
            self._count(cost - self._updates.get(display_id, 0))
            self._updates[display_id] = cost

    def clear_output(self, outs: list[Any], msg: dict[str, Any], cell_index: int) -> None:
        super().clear_output(outs, msg, cell_index)
        self._shown = sum(map(_cost, outs))

    def handle_comm_msg(self, outs: list[Any], msg: dict[str, Any], cell_index: int) -> None:
        """Widgets are not kept."""
