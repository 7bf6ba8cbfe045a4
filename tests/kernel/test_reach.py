"""What of the file system a notebook may read, for every way to have Python and this package installed."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from grader.kernel import reach as module
from grader.kernel.reach import Reach, reach

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="what is decided here is for Linux's layers")

Sees = Callable[[Reach, Path], bool]


@pytest.fixture
def top(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder for a prefix of Python and a package in it; nothing else of this machine plays a part."""
    monkeypatch.setattr(module, "_SYSTEM", ())
    monkeypatch.setattr(module.site, "ENABLE_USER_SITE", False)
    monkeypatch.setattr(sys, "path", [])
    monkeypatch.delenv("LD_LIBRARY_PATH", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("GRADER_DATA", str(tmp_path / "home" / "data"))
    monkeypatch.setenv("GRADER_CACHE", str(tmp_path / "home" / "cache"))
    for function in (module._installed, module._reach, module._own):
        function.cache_clear()
    yield tmp_path
    for function in (module._installed, module._reach, module._own):
        function.cache_clear()


@pytest.fixture
def lay_out(top: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    """Pretend that Python lies in a prefix, and the package there or elsewhere; the site-packages."""

    def lay(prefix: Path, package: Path | None = None) -> Path:
        site = prefix / "lib" / "python3.12" / "site-packages"
        package = package or site / "grader"
        for folder in (site / "torch", package / "kernel"):
            folder.mkdir(parents=True)
        for name in ("prefix", "base_prefix", "exec_prefix"):
            monkeypatch.setattr(sys, name, str(prefix))
        library = str(site.parent)
        paths = {"stdlib": library, "platstdlib": library, "purelib": str(site), "platlib": str(site)}
        monkeypatch.setattr(module.sysconfig, "get_paths", lambda: paths)
        monkeypatch.setattr(module, "__file__", str(package / "kernel" / "reach.py"))
        return site

    return lay


def seen(may: Reach, path: Path) -> bool:
    """Whether a path is in the view, as the deepest of the paths above it decides."""
    for one in [path, *path.parents]:
        if str(one) in may.readable or str(one) in may.hidden:
            return str(one) in may.readable
    return False


def test_a_wheel_among_the_other_packages(top: Path, lay_out: Callable[..., Path]) -> None:
    site = lay_out(top / "env")
    may = reach([], False)
    assert seen(may, site / "torch" / "nn.py")
    assert not seen(may, site / "grader" / "grading.py")
    assert may == Reach((str(top / "env"),), (str(site / "grader"),))


def test_a_checkout_with_its_environment_inside(top: Path, lay_out: Callable[..., Path]) -> None:
    checkout = top / "usr" / "src" / "app"
    site = lay_out(checkout / ".venv", checkout / "grader")
    (checkout / "pyproject.toml").touch()
    assert reach([], False) == Reach((str(checkout / ".venv"),), ())
    may = reach([], False, [])
    assert seen(may, site / "torch")
    assert not seen(may, checkout / "solutions" / "100")


def test_a_checkout_among_what_is_readable(
    top: Path, lay_out: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    checkout = top / "usr" / "src" / "app"
    site = lay_out(checkout / ".venv", checkout / "grader")
    (checkout / "pyproject.toml").touch()
    monkeypatch.setattr(module, "_SYSTEM", (str(top / "usr"),))
    may = reach([], False)
    assert seen(may, top / "usr" / "lib")
    assert seen(may, site / "torch")
    assert not any(seen(may, checkout / name) for name in ("grader", "solutions", "exercises", ".git"))


def test_a_course_and_data_among_what_is_readable(top: Path, lay_out: Callable[..., Path]) -> None:
    site = lay_out(top / "env")
    course, view = top / "env" / "course", top / "env" / "course" / "cache" / "views" / "MNIST"
    may = reach([view], False, [course])
    assert seen(may, site / "torch")
    assert seen(may, view / "raw")
    assert not any(seen(may, course / name) for name in ("exercises", "solutions", "cache/views", "results"))


@pytest.mark.parametrize("where", ["home", "course"])
def test_an_environment_made_where_the_course_lies_or_at_home(
    top: Path, lay_out: Callable[..., Path], where: str
) -> None:
    site = lay_out(top / where)
    may = reach([], False, [top / "course", top / "course" / "exercises"])
    assert seen(may, site / "torch")
    assert seen(may, top / where / "bin" / "python")
    assert not any(seen(may, top / where / name) for name in ("exercises", ".ssh", "mine.ipynb", "results"))
    assert not seen(may, site / "grader")


def test_a_home_folder_with_python_in_it(top: Path, lay_out: Callable[..., Path]) -> None:
    """As with `pip install --user`, conda, `uv tool` and pipx."""
    site = lay_out(top / "home" / ".local" / "share" / "uv" / "tools" / "grader")
    may = reach([], False)
    assert seen(may, site / "torch")
    assert not any(seen(may, top / "home" / name) for name in (".ssh", "cache", "data", ".local/bin"))
    assert not seen(may, site / "grader")


def test_a_link_to_where_the_package_is(top: Path, lay_out: Callable[..., Path]) -> None:
    """The package is hidden by each of its names."""
    lay_out(top / "disk" / "env")
    (top / "opt").symlink_to(top / "disk")
    site = Path("opt/env/lib/python3.12/site-packages")
    sys.prefix = str(top / "opt" / "env")
    may = reach([], False)
    for folder in (top / site, top / "disk" / site.relative_to("opt")):
        assert seen(may, folder / "torch")
        assert not seen(may, folder / "grader")


def test_a_home_that_is_no_place_for_anybody(
    top: Path, lay_out: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    for home in ("/", "/nonexistent", ""):
        monkeypatch.setenv("HOME", home)
        site = lay_out(top / f"env-{len(home)}")
        module._installed.cache_clear()
        module._own.cache_clear()
        assert seen(reach([], False), site / "torch")


LOCKED = """
import os, sys
from grader.kernel import linux
top = sys.argv[1]
linux.landlock(linux.readable_rules([top, "/usr", "/lib", "/lib64"], [top + "/site/grader", top + "/course"]))
def read(name):
    try:
        with open(os.path.join(top, name)) as file:
            return file.read()
    except PermissionError:
        return "refused"
print([read(name) for name in sys.argv[2:]], sorted(os.listdir(top + "/site")))
"""


def test_where_no_view_can_be_built_landlock_hides_as_well(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").write_text("elsewhere")
    top = tmp_path / "top"
    names = ["site/torch/nn.py", "site/one.py", "site/grader/grading.py", "course/solutions/a.py", "site/grader2/a.py"]
    for name in names:
        (top / name).parent.mkdir(parents=True, exist_ok=True)
        (top / name).write_text("seen")
    (top / "site" / "link").symlink_to(tmp_path / "elsewhere")  # a rule for it would let its target in
    done = subprocess.run(
        [sys.executable, "-c", LOCKED, str(top), *names, "site/link"], capture_output=True, text=True, check=False
    )
    if "Landlock" in done.stderr:
        pytest.skip("no Landlock here")
    seen = ["seen", "seen", "refused", "refused", "seen", "refused"]
    assert done.stdout.strip() == f"{seen} {['grader', 'grader2', 'link', 'one.py', 'torch']}", done.stderr
