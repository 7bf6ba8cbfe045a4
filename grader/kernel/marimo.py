"""What stands in for marimo where that is not installed: texts, elements with the value that they begin with, `stop`.

It runs in the notebook's process and decides nothing: notebooks use marimo to show things, and for elements that nobody
moves while they are graded. Whatever is not here shows what it is given.
"""

from __future__ import annotations

import contextlib
import functools
import inspect
import sys
import threading
import types
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from datetime import date, datetime
from pathlib import Path
from typing import Any


class MarimoStopError(BaseException):
    """Ends a cell, and what hangs on it: none of those is run."""


def stop(predicate: Any, output: Any = None) -> None:
    """End the cell where `predicate` holds, and show `output`."""
    if predicate:
        _show(output)
        raise MarimoStopError


# ---------------------------------------------------------------------- what is shown


def _show(*values: Any) -> None:
    from IPython.display import display

    for value in values:
        if value is not None:
            display(value)


def _text(value: Any) -> str:
    return value.text if isinstance(value, Html) else str(value)


class Html:
    """Something to show: a text, or several things one after the other."""

    def __init__(self, text: Any = "", *parts: Any) -> None:
        self.text = str(text)
        self._parts = parts

    def _ipython_display_(self) -> None:
        if self._parts:
            _show(*self._parts)
        elif self.text:
            _show(_Text(self.text))

    def _mime_(self) -> tuple[str, str]:
        return "text/html", self.text

    def __str__(self) -> str:
        return self.text

    def __format__(self, form: str) -> str:
        return format(self.text, form)

    def _itself(self, *_: Any, **__: Any) -> Html:
        return self

    center = left = right = callout = style = _itself

    def batch(self, **elements: Any) -> Element:
        """Several elements in a text."""
        return dictionary(elements)


class _Text:
    """Markdown, as IPython shows it."""

    def __init__(self, text: str) -> None:
        self._text = text

    def _repr_markdown_(self) -> str:
        return self._text

    def __repr__(self) -> str:
        return self._text


def md(text: Any) -> Html:
    """A text in Markdown."""
    return Html(inspect.cleandoc(str(text)))


def _stack(items: Any = (), *_: Any, **__: Any) -> Html:
    """Several things one after the other."""
    parts = (
        list(items.values()) if isinstance(items, dict) else list(items) if isinstance(items, list | tuple) else [items]
    )
    return Html("\n\n".join(map(_text, parts)), *parts)


def _shows(value: Any = "", *_: Any, **__: Any) -> Html:
    """Whatever shows what it is given."""
    return value if isinstance(value, Html) else Html("" if value is None else value, *([value] * (value is not None)))


def _named(what: str) -> Callable[..., Html]:
    def made(source: Any = "", *_: Any, **__: Any) -> Html:
        return Html(f"[{what}]")

    return made


def _lets_through(value: Any = None, *_: Any, **__: Any) -> Any:
    """What gives back what it is given."""
    return value


# ---------------------------------------------------------------------- elements


class Element(Html):
    """An element of the interface, which nobody moves: its value is that which it begins with."""

    def __init__(self, value: Any = None, label: Any = "") -> None:
        super().__init__(_text(label))
        self.value = value

    def form(self, *_: Any, **__: Any) -> Element:
        """The element in a form that nobody sends off."""
        return Element(None)

    def __iter__(self) -> Iterator[Any]:
        return iter(getattr(self, "elements", ()))

    def __getitem__(self, key: Any) -> Any:
        return getattr(self, "elements", {})[key]

    def __len__(self) -> int:
        return len(getattr(self, "elements", ()))


def _element(value: Any = None, *_: Any, label: Any = "", **__: Any) -> Element:
    return Element(value, label)


def _unset(*_: Any, value: Any = None, label: Any = "", **__: Any) -> Element:
    return Element(value, label)


def _flag(value: Any = False, *_: Any, label: Any = "", **__: Any) -> Element:
    return Element(value, label)


def _typed(value: Any = "", *_: Any, label: Any = "", **__: Any) -> Element:
    return Element(value, label)


def _listed(*_: Any, value: Any = (), label: Any = "", **__: Any) -> Element:
    return Element(list(value), label)


def _slider(
    start: Any = None,
    stop: Any = None,
    step: Any = None,
    value: Any = None,
    *,
    steps: Any = None,
    label: Any = "",
    both_ends: bool = False,
    **__: Any,
) -> Element:
    places = [start, stop] if steps is None else [*steps]
    first = places[:: max(1, len(places) - 1)] if both_ends else places[0]
    made = Element(first if value is None else value, label)
    vars(made).update(start=start, stop=stop, step=step, steps=steps)
    return made


_range_slider = functools.partial(_slider, both_ends=True)


def _number(
    start: Any = None, stop: Any = None, step: Any = None, value: Any = None, *, label: Any = "", **__: Any
) -> Element:
    return Element(start if value is None else value, label)


def _choice(options: Any = (), value: Any = None, *_: Any, label: Any = "", **__: Any) -> Element:
    """One of several, by its key where they have keys."""
    made = Element(options.get(value) if isinstance(options, dict) else value, label)
    vars(made).update(options=options, selected_key=value)
    return made


def _choices(options: Any = (), value: Any = (), *_: Any, label: Any = "", **__: Any) -> Element:
    chosen = list(value or ())
    return Element([options[one] for one in chosen] if isinstance(options, dict) else chosen, label)


def _tabs(tabs: Any, value: Any = None, *_: Any, label: Any = "", **__: Any) -> Element:
    return Element(next(iter(tabs), None) if value is None else value, label)


def _day(start: Any = None, stop: Any = None, value: Any = None, *, label: Any = "", **__: Any) -> Element:
    return Element(value or date.today(), label)


def _moment(start: Any = None, stop: Any = None, value: Any = None, *, label: Any = "", **__: Any) -> Element:
    return Element(value or datetime.now(), label)


def _none_of(data: Any = (), *_: Any, label: Any = "", **__: Any) -> Element:
    """A table of which no row is chosen."""
    chosen: Any = []
    with contextlib.suppress(Exception):
        chosen = data.head(0) if hasattr(data, "head") else data[:0]
    made = Element(chosen, label)
    made._parts = (data,)
    return made


def _all_of(data: Any = None, *_: Any, label: Any = "", **__: Any) -> Element:
    made = Element(data, label)
    made._parts = (data,)
    return made


def _pictured(figure: Any = None, *_: Any, label: Any = "", **__: Any) -> Element:
    """A picture in which nothing is chosen."""
    made = Element([], label)
    made._parts = (figure,)
    return made


def _together(elements: Any, *_: Any, label: Any = "", **__: Any) -> Element:
    made = Element([getattr(one, "value", one) for one in elements], label)
    vars(made)["elements"] = list(elements)
    return made


def dictionary(elements: Any, *_: Any, label: Any = "", **__: Any) -> Element:
    """Elements by name."""
    made = Element({name: getattr(one, "value", one) for name, one in elements.items()}, label)
    vars(made)["elements"] = dict(elements)
    return made


def _form(*_: Any, **__: Any) -> Element:
    return Element(None)


class _Anywidget(Element):
    """A widget, which is asked itself for all that is not the element's."""

    def __init__(self, widget: Any = None, *_: Any, **__: Any) -> None:
        super().__init__({})
        self.widget = widget

    def __getattr__(self, name: str) -> Any:
        if name == "widget":
            raise AttributeError(name)
        return getattr(self.widget, name)


class _Elements(types.SimpleNamespace):
    """`mo.ui`."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return _unset


def _elements() -> _Elements:
    made = _Elements(
        slider=_slider, range_slider=_range_slider, number=_number, dropdown=_choice, radio=_choice, tabs=_tabs,
        multiselect=_choices, date=_day, datetime=_moment, table=_none_of, altair_chart=_none_of, dataframe=_all_of,
        data_editor=_all_of, data_explorer=_all_of, experimental_data_editor=_all_of, plotly=_pictured,
        matplotlib=_pictured, array=_together, batch=_unset, dictionary=dictionary, form=_form, anywidget=_Anywidget,
    )  # fmt: skip
    vars(made).update(dict.fromkeys(("checkbox", "switch", "run_button"), _flag))
    vars(made)["run_button"] = lambda *_, **__: Element(False)
    vars(made).update(dict.fromkeys(("text", "text_area", "code_editor"), _typed))
    vars(made).update(dict.fromkeys(("file", "file_browser", "chat"), _listed))
    return made


# ---------------------------------------------------------------------- what is kept, run and asked


class _Cache:
    """`mo.cache` and `mo.persistent_cache`: a decorator, a decorator with options, or a block. Nothing is kept."""

    hit = False

    def __init__(self, *_: Any, **__: Any) -> None:
        """Whatever is asked for."""

    def __call__(self, function: Any) -> Any:
        return function

    def __enter__(self) -> _Cache:
        return self

    def __exit__(self, *_: object) -> None:
        """It was computed."""


def _cache(*args: Any, **options: Any) -> Any:
    return args[0] if len(args) == 1 and not options and callable(args[0]) else _Cache()


class _Output(types.SimpleNamespace):
    """`mo.output`."""

    def append(self, value: Any) -> None:
        _show(value)

    def replace(self, value: Any) -> None:
        _show(value)

    def replace_at_index(self, value: Any, index: int) -> None:
        _show(value)

    def clear(self) -> None:
        """What was shown stays."""


class _Bar:
    """A bar or a wheel that shows nothing."""

    def __init__(self, collection: Any = None, *_: Any, **__: Any) -> None:
        self._collection = collection

    def __iter__(self) -> Iterator[Any]:
        return iter(self._collection)

    def __len__(self) -> int:
        return len(self._collection)

    def __enter__(self) -> _Bar:
        return self

    def __exit__(self, *_: object) -> None:
        """It shows nothing."""

    def update(self, *_: Any, **__: Any) -> None:
        """It shows nothing."""

    close = clear = update


def _state(value: Any = None, *_: Any, **__: Any) -> tuple[Callable[[], Any], Callable[[Any], None]]:
    """A value, as its getter and its setter. No cell is run again."""
    held = [value]

    def set_value(new: Any) -> None:
        held[0] = new(held[0]) if callable(new) else new

    return lambda: held[0], set_value


def _sql(query: str, *_: Any, output: bool = True, engine: Any = None, **__: Any) -> Any:
    """The rows that a query gives, as DuckDB finds them in the tables and frames of the notebook."""
    caller = sys._getframe(1)
    if engine is not None and hasattr(engine, "execute"):
        found = engine.execute(query)
    else:
        import duckdb

        with contextlib.suppress(Exception):
            duckdb.sql("SET python_scan_all_frames = true")
        names = {**caller.f_globals, "_query": query, "_duckdb": duckdb}
        found = eval("_duckdb.sql(_query)", names)
    if found is None:
        return None
    made = next((getattr(found, kind)() for kind in _frames() if hasattr(found, kind)), found)
    if output:
        _show(made)
    return made


def _frames() -> list[str]:
    from importlib.util import find_spec

    return [kind for kind, package in (("pl", "polars"), ("df", "pandas"), ("fetchall", "sys")) if find_spec(package)]


def _here(*_: Any, **__: Any) -> Path:
    return Path.cwd()


def _captured(name: str) -> Callable[[], AbstractContextManager[Any]]:
    import io

    return lambda: getattr(contextlib, f"redirect_{name}")(io.StringIO())


def _no_app(*_: Any, **__: Any) -> types.SimpleNamespace:
    return types.SimpleNamespace(theme="light", mode="script", request=None)


class _App:
    """`marimo.App()`, of a module that is a notebook itself: its cells are not run, its functions are there."""

    def __init__(self, *_: Any, **__: Any) -> None:
        self.setup = contextlib.nullcontext()

    def cell(self, function: Any = None, **_: Any) -> Any:
        return function if function is not None else _lets_through

    function = class_definition = cell

    def run(self, *_: Any, **__: Any) -> tuple[list[Any], dict[str, Any]]:
        return [], {}

    def _unparsable_cell(self, *_: Any, **__: Any) -> None:
        """It is none."""


def module() -> types.ModuleType:
    """The stand-in, as a module."""
    made = _Module("marimo")
    shown: Iterable[str] = ("as_html", "plain", "plain_text", "latex", "callout", "center", "left", "right", "inspect")
    made.__dict__.update(
        __version__="0", __doc__=__doc__, App=_App, Html=Html, MarimoStopError=MarimoStopError, Thread=threading.Thread,
        md=md, stop=stop, ui=_elements(), output=_Output(), hstack=_stack, vstack=_stack, accordion=_stack,
        carousel=_stack, image=_named("image"), audio=_named("audio"), video=_named("video"), pdf=_named("pdf"),
        iframe=_named("page"), download=_named("download"), icon=lambda *_, **__: "", show_code=_lets_through,
        lazy=lambda value=None, **_: _shows(value() if callable(value) else value), tabs=_tabs, sql=_sql, state=_state,
        status=types.SimpleNamespace(spinner=_Bar, progress_bar=_Bar, toast=lambda *_, **__: None),
        defs=tuple, refs=tuple, current_thread=threading.current_thread,
        watch=types.SimpleNamespace(file=Path, directory=Path), capture_stdout=_captured("stdout"),
        capture_stderr=_captured("stderr"), redirect_stdout=contextlib.nullcontext,
        redirect_stderr=contextlib.nullcontext, **without_its_runtime(),
    )  # fmt: skip
    made.__dict__.update(dict.fromkeys(shown, _shows))
    return made


def without_its_runtime() -> dict[str, Any]:
    """What marimo itself does only where it runs the notebook."""
    found: dict[str, Any] = dict.fromkeys(("cache", "persistent_cache"), _cache)
    found |= dict.fromkeys(("cli_args", "query_params"), dict)
    found |= dict.fromkeys(("notebook_dir", "notebook_location"), _here)
    found |= {"lru_cache": functools.lru_cache, "app_meta": _no_app, "running_in_notebook": bool}
    return found | {"mpl": types.SimpleNamespace(interactive=_lets_through)}


class _Module(types.ModuleType):
    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(f"module 'marimo' has no attribute {name!r}")
        return _shows
