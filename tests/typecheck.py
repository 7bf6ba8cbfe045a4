"""mypy, strictly, over the checks of every exercise: ``python -m tests.typecheck``, or of some: ``… 100 101``.

Their folders are called `100` and `checks.py` each, which are no names of packages: mypy gets them as packages that
link to them.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parent.parent


def typecheck(*ids: str) -> int:
    """What mypy finds is printed as it is; its exit code."""
    cache = ROOT / ".mypy_cache" / "exercises"
    with tempfile.TemporaryDirectory(prefix="typecheck-") as scratch:
        packages = []
        for course in ("exercises", "solutions"):
            for checks in sorted((ROOT / course).glob("*/checks.py")):
                if ids and checks.parent.name not in ids:
                    continue
                name = f"{course}_{checks.parent.name}".replace("-", "_")
                (Path(scratch) / name).symlink_to(checks.parent, target_is_directory=True)
                packages += ["--package", name]
        done = subprocess.run(
            [sys.executable, "-m", "mypy", "--config-file", ROOT / "pyproject.toml", "--cache-dir", cache, *packages],
            cwd=ROOT,
            env={"MYPYPATH": f"{scratch}:{ROOT}", "PATH": "/usr/bin:/bin"},
            check=False,
        )
    return done.returncode


if __name__ == "__main__":
    sys.exit(typecheck(*sys.argv[1:]))
