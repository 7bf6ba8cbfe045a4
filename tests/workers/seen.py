"""What a process that grades sees of itself, for a test."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import psutil

from grader.language import spoken


def look() -> dict[str, Any]:
    """All that tells how it was started."""
    files = [str(one.readlink()) for one in Path("/proc/self/fd").iterdir() if one.is_symlink()]
    return {
        "grandparent": psutil.Process(os.getppid()).ppid(),
        "imported": "grader.grading" in sys.modules,
        "files": [name for name in files if name.startswith(("/tmp", "socket:"))],
        "session": os.getsid(0) == os.getpid(),
        "environment": {name: os.environ.get(name) for name in ("BEFORE", "AFTER", "OMP_NUM_THREADS")},
        "language": spoken(),
        "child": subprocess.run([sys.executable, "-c", "raise SystemExit(7)"], check=False).returncode,
    }
