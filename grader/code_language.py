"""Which language a notebook is written in: what its file says of itself, and what its cells look like."""

from __future__ import annotations

import re
from itertools import islice
from typing import Any

from grader.sources import parsed

# What no line of Python looks like, and what no line of another language of notebooks does.
_MARKS = {
    "R": r"^[ \t]*[\w.]+(?:\[.*\])?[ \t]*<-\s|^[ \t]*(?:library|require)\(\w+\)|<- function\(|%>%|\|>",
    "Julia": r"^using [A-Z]\w*|^[ \t]*function \w+[!]?\(.*\)[ \t]*$|^end[ \t]*$|^[ \t]*println\(|^\w+\(.*\) = ",
    "JavaScript": r"^[ \t]*(?:const|let|var) \w+ =|=> \{|console\.log\(|^[ \t]*function \w*\(.*\) \{",
    "Octave": r"^[ \t]*function (?:\[?[\w, ]+\]? = )?\w+\(.*\)|^[ \t]*end(?:function|if|for)?;?[ \t]*$|\.\*|^[ \t]*%",
    "Scala": r"^[ \t]*(?:val|var) \w+[ \t]*[:=]|^[ \t]*def \w+\(.*\).* = |^[ \t]*object \w+",
    "C++": r"^[ \t]*#include|std::|;[ \t]*$",
    "Java": r"^[ \t]*(?:public|private|static) |System\.out|;[ \t]*$",
    "Bash": r"^[ \t]*(?:echo|export|cd|ls) |\$\{?\w+|^[ \t]*fi[ \t]*$|^[ \t]*done[ \t]*$",
}
NAMES = {
    "r": "R", "ir": "R", "julia": "Julia", "javascript": "JavaScript", "typescript": "JavaScript", "deno": "JavaScript",
    "octave": "Octave", "matlab": "Octave", "scala": "Scala", "c++": "C++", "c++17": "C++", "java": "Java",
    "bash": "Bash", "rust": "Rust", "f#": "F#", "c#": "C#", "kotlin": "Kotlin", "go": "Go", "ruby": "Ruby",
    "sql": "SQL", "perl": "Perl", "php": "PHP", "haskell": "Haskell", "lua": "Lua", "stata": "Stata", "sas": "SAS",
}  # fmt: skip
_PYTHON = re.compile(
    r"^[ \t]*(?:def \w+\(.*|class \w+.*|if .+|elif .+|else|for .+ in .+|while .+|with .+|try)[ \t]*:[ \t]*(?:#.*)?$"
    r"|^[ \t]*from [\w.]+ import [\w(*]|^[ \t]*import [\w.]+ as \w+|^import (?:torch|numpy|math|os|sys|random)\b",
    re.MULTILINE,
)


def language(content: dict[str, Any], sources: list[str]) -> str:
    """The language of a notebook that is not written in Python; "" for one that is, or may be.

    Python with a wrong label is Python: what the cells look like counts. And whoever writes another language below
    Python's label is told so only where several lines are of that language and none is of Python.
    """
    lines = (line[:200] for source in sources if not source.startswith("%%") for line in source[:100_000].splitlines())
    code = "\n".join(islice(lines, 2_000))
    if _PYTHON.search(code):
        return ""
    named = _named(content)
    if named:
        if named in _MARKS and re.search(_MARKS[named], code, re.MULTILINE):
            return named
        # Without a line that is none of Python's: it is none where most of what it says does not compile as Python.
        cells = [source for source in sources if source.strip() and not source.startswith("%%")]
        strange = sum(parsed(source) is None for source in cells)
        return named if 2 * strange > len(cells) else ""
    for name in ("R", "Julia"):
        if len(re.findall(_MARKS[name], code, re.MULTILINE)) >= 3:
            return name
    return ""


def _named(content: dict[str, Any]) -> str:
    """The language that a file names, as people write it."""
    metadata = content.get("metadata")
    for part, key in (("language_info", "name"), ("kernelspec", "language"), ("kernelspec", "name")):
        inner = metadata.get(part) if type(metadata) is dict else None
        said = inner.get(key) if type(inner) is dict else None
        if type(said) is str and (known := NAMES.get(said.partition("-")[0].strip().casefold())):
            return known
    return ""
