"""Whether a notebook does with what nearly all import, told from its text before it is run.

Where this is wrong the notebook is graded all the same: its kernel imports what it lacks, or has what it does not need.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable

_NAME = r"[\w.]+(?:[ \t]+as[ \t]+\w+)?"
_IMPORTS = re.compile(rf"\bfrom[ \t]+([\w.]+)[ \t]+import\b|\bimport[ \t]+({_NAME}(?:[ \t]*,[ \t]*{_NAME})*)")
_USUAL = frozenset({"torch", "numpy"}) | sys.stdlib_module_names
# Parts of torch that import torch._dynamo, or as much; and ways to import what no line of the notebook names.
_BEYOND = re.compile(
    r"\b(?:optim|compile|_dynamo|_inductor|export|onnx|fx|jit|meta|gradcheck|profiler|checkpoint|tensorboard)\b"
    r"|\b(?:matplotlib|pylab)|\b__import__\b|\bimportlib\b|^[ \t]*%(?:run|load)",
    re.MULTILINE,
)


def usual(texts: Iterable[str]) -> bool:
    """Whether these cells import Python's own modules, NumPy and torch alone, and use no optimizer."""
    for text in texts:
        if _BEYOND.search(text):
            return False
        for source, names in _IMPORTS.findall(text):
            packages = {name.strip().partition(" ")[0].partition(".")[0] for name in (source or names).split(",")}
            if not packages <= _USUAL:
                return False
    return True
