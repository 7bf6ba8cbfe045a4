"""What notebooks do that were written for another place: a screen, a browser with widgets, Colab, a home of their own.

It runs in the notebook's process and decides nothing: without it, right notebooks would stumble over lines that their
answers do not hang on. What a module needs is done as it is imported, so that nothing is imported for it.
"""

from __future__ import annotations

import dis
import importlib.abc
import importlib.machinery
import importlib.util
import os
import re
import sys
import types
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

from grader.kernel import marimo

# ---------------------------------------------------------------------- a home of its own


def settle(shell: Any) -> None:
    """Have IPython and matplotlib keep their files in this process's home, and not in that of the one it is a fork of.

    The environment names it: this is for after that was changed. No folder is made before somebody writes to it.
    """
    home = os.environ["IPYTHONDIR"]
    if shell.ipython_dir == home:
        return
    shell.home_dir = os.environ["HOME"]
    shell.starting_dir = os.getcwd()  # noqa: PTH109
    shell.history_manager.dir_hist[:] = [shell.starting_dir]
    shell.ipython_dir = home
    profile, location = shell.profile_dir, os.path.join(home, "profile_default")  # noqa: PTH118
    # Past its watchers, which make every folder at once.
    profile._trait_values["location"] = location
    for name in ("security", "log", "startup", "pid", "static"):
        profile._trait_values[f"{name}_dir"] = os.path.join(location, name)  # noqa: PTH118
    if isinstance(getattr(type(shell), "db", None), property):
        shell.db = None  # it is made anew when somebody asks for it
    else:  # IPython before 9.16
        shell.db = type(shell.db)(os.path.join(location, "db"))  # noqa: PTH118
    matplotlib = sys.modules.get("matplotlib")
    if matplotlib is not None:
        for function in (matplotlib.get_configdir, matplotlib.get_cachedir):
            _forget(function)
        style = sys.modules.get("matplotlib.style.core") or sys.modules.get("matplotlib.style")
        if style is not None:
            style.USER_LIBRARY_PATHS[:] = [os.path.join(os.environ["MPLCONFIGDIR"], "stylelib")]  # noqa: PTH118


def _forget(function: Any) -> None:
    """Let a function of matplotlib's that keeps its answer work it out again."""
    cells = zip(function.__code__.co_freevars, function.__closure__ or (), strict=True)
    for name, cell in cells:
        if name == "called":
            cell.cell_contents = False


# ---------------------------------------------------------------------- pictures without a screen

INLINE = "module://matplotlib_inline.backend_inline"
# Toolkits of windows, and of widgets in a browser, by matplotlib's, IPython's and older names.
_AT_A_SCREEN = re.compile(
    r"(module://ipympl.*|ipympl|widget|notebook|nbagg|web|webagg|osx|macosx|cocoaagg|"
    r"(qt\d?|tk|gtk\d?|wx)(agg|cairo)?|module://.*(interagg|pycharm|backend_inline|nbagg).*)",
    re.IGNORECASE,
)


def _inline(backend: Any) -> Any:
    """The backend that is there, in the place of one that draws on a screen."""
    return INLINE if isinstance(backend, str) and _AT_A_SCREEN.fullmatch(backend) else backend


def _draw_inline(registry: types.ModuleType) -> None:
    """Have matplotlib's registry of backends know the one for notebooks in the place of all that need a screen."""
    kind = registry.BackendRegistry
    for name in ("load_backend_module", "resolve_backend", "resolve_gui_or_backend"):
        original = getattr(kind, name)
        setattr(kind, name, lambda self, backend, original=original: original(self, _inline(backend)))


def _name_inline(rcsetup: types.ModuleType) -> None:
    """The same for `matplotlib.use`, `rcParams` and MPLBACKEND."""
    original = rcsetup.validate_backend
    rcsetup.validate_backend = lambda backend: original(_inline(backend))  # type: ignore[attr-defined]
    with suppress(AttributeError, KeyError):
        rcsetup._validators["backend"] = rcsetup.validate_backend


# ---------------------------------------------------------------------- progress bars without widgets


def _plain_bars(notebook: types.ModuleType) -> None:
    """Give `tqdm.notebook` bars of text: nobody looks at widgets here, and the package for them may be missing."""
    from tqdm.std import tqdm as plain

    class tqdm_notebook(plain):  # type: ignore[misc]
        """The bar of text, called as the one of widgets is."""

        def __init__(self, *args: Any, display: bool = True, **options: Any) -> None:
            options["disable"] = bool(options.get("disable"))  # None means: not at a terminal only
            if not isinstance(options.get("ncols"), int | None):
                del options["ncols"]  # "100%", "500px"
            super().__init__(*args, **options)

        def display(self, msg: str | None = None, pos: int | None = None, **_: Any) -> Any:
            return super().display(msg, pos)

        disp = display

    def trange(*args: Any, **options: Any) -> tqdm_notebook:
        return tqdm_notebook(range(*args), **options)

    tqdm_notebook.__module__ = notebook.__name__
    for name, value in {
        "tqdm_notebook": tqdm_notebook,
        "tqdm": tqdm_notebook,
        "tnrange": trange,
        "trange": trange,
    }.items():
        setattr(notebook, name, value)
    # `tqdm.auto` takes the bar of widgets where this is set, and warns where it is not.
    notebook.IProgress = notebook.IProgress or object  # type: ignore[attr-defined]


# ---------------------------------------------------------------------- Colab

_COLAB = "google.colab"


def _nothing(*_: Any, **__: Any) -> None:
    """What has no place here is not done."""


def _modules(said: dict[str, str]) -> dict[str, dict[str, Any]]:
    """The modules of Colab and Kaggle that notebooks import, and what is in them."""

    def drive(*_: Any, **__: Any) -> None:
        print(said["drive"])

    def nothing_uploaded(*_: Any, **__: Any) -> dict[str, bytes]:
        drive()
        return {}

    def no_secret(*_: Any, **__: Any) -> str:
        print(said["secret"])
        return ""

    def show(image: Any) -> None:
        from matplotlib import pyplot

        pyplot.imshow(image[..., ::-1] if getattr(image, "ndim", 2) == 3 else image, cmap="gray")
        pyplot.show()

    class UserSecretsClient:
        """Kaggle's."""

        get_secret = get_gcloud_credential = get_bigquery_access_token = staticmethod(no_secret)
        set_gcloud_credentials = set_tensorflow_credential = staticmethod(no_secret)

    colab: dict[str, dict[str, Any]] = {
        "drive": {"mount": drive, "flush_and_unmount": _nothing},
        "files": {"upload": nothing_uploaded, "upload_file": nothing_uploaded, "download": _nothing, "view": _nothing},
        "userdata": {"get": no_secret, "SecretNotFoundError": KeyError, "NotebookAccessError": PermissionError},
        "auth": {"authenticate_user": _nothing},
        "output": {"clear": _nothing, "eval_js": _nothing, "enable_custom_widget_manager": _nothing},
        "runtime": {"unassign": _nothing},
        "data_table": {"enable_dataframe_formatter": _nothing, "disable_dataframe_formatter": _nothing},
        "patches": {"cv2_imshow": show},
    }
    return {f"{_COLAB}.{name}": content for name, content in colab.items()} | {
        "kaggle_secrets": {"UserSecretsClient": UserSecretsClient}
    }


class _Elsewhere(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds modules of Colab and Kaggle for who takes for granted that they are there.

    Whoever tries whether they are is told that they are not.
    """

    def __init__(self, said: dict[str, str]) -> None:
        self._modules = _modules(said)

    def find_spec(self, name: str, path: Any, target: Any = None) -> importlib.machinery.ModuleSpec | None:
        package = name in ("google", _COLAB)
        if not package and name not in self._modules and not name.startswith(_COLAB + "."):
            return None
        asked = "colab" if package else name.rpartition(".")[2]
        if _COLAB not in sys.modules and not _imported_for_granted(asked.encode()):
            return None
        return importlib.util.spec_from_loader(name, self, is_package=package)

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> None:
        """Python's own way."""

    def exec_module(self, module: types.ModuleType) -> None:
        content = self._modules.get(module.__name__, {})
        vars(module).update(content)
        if not content and module.__name__.startswith(_COLAB + "."):
            vars(module)["__getattr__"] = _unknown_part


def _unknown_part(name: str) -> Any:
    """A part of Colab that nobody has told of: it does nothing."""
    if name.startswith("__"):
        raise AttributeError(name)
    return _nothing


def _imported_for_granted(word: bytes) -> bool:
    """Whether an import statement that says this word asks.

    None that has been put into a `try` or `with` for what it may raise does.
    """
    frame: types.FrameType | None = sys._getframe(2)
    while frame is not None and frame.f_code.co_filename.startswith("<frozen importlib"):
        frame = frame.f_back
    if frame is None or frame.f_lasti < 0:
        return False
    code, at = frame.f_code, frame.f_lasti
    guarded = any(one.start <= at < one.end for one in dis._parse_exception_table(code))  # type: ignore[attr-defined]
    return dis.opname[code.co_code[at]] == "IMPORT_NAME" and not guarded and word in _names(code)


def _names(code: types.CodeType) -> bytes:
    return " ".join(code.co_names).encode()


# ---------------------------------------------------------------------- marimo


class _Marimo(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds a stand-in for marimo where that is not installed, for who takes for granted that it is there."""

    def find_spec(self, name: str, path: Any, target: Any = None) -> importlib.machinery.ModuleSpec | None:
        if name != "marimo" or not _imported_for_granted(b"marimo"):
            return None
        return importlib.util.spec_from_loader(name, self)

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> types.ModuleType:
        return marimo.module()

    def exec_module(self, module: types.ModuleType) -> None:
        """It is whole."""


def _without_its_runtime(module: types.ModuleType) -> None:
    """Where marimo is installed, let that of it work which needs marimo to run the notebook."""
    vars(module).update(marimo.without_its_runtime())


# ---------------------------------------------------------------------- as modules are imported

Change = Callable[[types.ModuleType], None]
_CHANGES: dict[str, Change] = {
    "matplotlib.backends.registry": _draw_inline,
    "marimo": _without_its_runtime,
    "matplotlib.rcsetup": _name_inline,
    "tqdm.notebook": _plain_bars,
}


class _Changer(importlib.abc.MetaPathFinder):
    """Changes modules as they are imported."""

    def __init__(self, changes: dict[str, Change]) -> None:
        self._changes = changes

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: Any = None
    ) -> importlib.machinery.ModuleSpec | None:
        change = self._changes.get(name)
        spec = importlib.machinery.PathFinder.find_spec(name, path, target) if change is not None else None
        if spec is None or spec.loader is None or change is None:
            return None
        loader = spec.loader
        execute = loader.exec_module

        def execute_and_change(module: types.ModuleType) -> None:
            execute(module)
            with suppress(Exception):  # another version: it stays as it is
                change(module)

        loader.exec_module = execute_and_change  # type: ignore[method-assign]
        return spec


def adapt() -> None:
    """Change what is imported already, and what will be."""
    sys.meta_path.insert(0, _Changer(_CHANGES))
    for name, change in _CHANGES.items():
        if name in sys.modules:
            with suppress(Exception):
                change(sys.modules[name])


def stand_in(said: dict[str, str]) -> None:
    """Let notebooks for Colab and Kaggle, and marimo's without marimo, go on here.

    Parameters
    ----------
    said
        What they print who ask for a Drive or for files (``"drive"``), or for secrets (``"secret"``).
    """
    sys.meta_path.append(_Elsewhere(said))
    sys.meta_path.append(_Marimo())
    _CHANGES["huggingface_hub"] = lambda module: _no_login(module, said["secret"])


def _no_login(hub: types.ModuleType, sentence: str) -> None:
    """Nobody logs in here."""
    for name in ("login", "notebook_login", "interpreter_login"):
        setattr(hub, name, lambda *_, **__: print(sentence))
