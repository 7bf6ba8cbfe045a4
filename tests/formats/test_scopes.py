"""Which names of a piece of Python are its own, which are everybody's."""

from __future__ import annotations

import ast

import pytest

from grader.formats.scopes import Names


@pytest.mark.parametrize(
    ("source", "defined", "used"),
    [
        ("x = y", "x", "y"),
        ("x += 1", "x", ""),
        ("x: int", "x", "int"),
        ("del x", "", "x"),
        ("import a.b, c as d\nfrom e import f, g as h\nfrom i import *", "a d f h", ""),
        ("for i, (j, *k) in l: pass\nelse: m", "i j k", "l m"),
        ("with a as (b, c), d: pass", "b c", "a d"),
        ("try: a\nexcept B as c: c; d = c\nfinally: e", "d", "B a e"),
        ("def f(a, /, b=c, *d, e: g = h, **i) -> j: return a, b, d, e, i, k", "f", "c g h j k"),
        ("@a\nasync def f(): await b", "f", "a b"),
        ("@a\nclass B(c, metaclass=d):\n    e = f\n    def g(self): return e, h", "B", "a c d e f h"),
        ("[a for b in c if d for e in b]", "", "a c d"),
        ("{a: b for a, b in c}, {d for d in e}, (f for f in g)", "", "c e g"),
        ("[(x := y) for y in z]", "x", "z"),
        ("def f():\n    global a\n    a = 1\n    def g(): b = a", "a f", ""),
        ("def f():\n    a = 1\n    def g():\n        nonlocal a\n        a = b", "f", "b"),
        ("match a:\n    case B(c, d=e) | [f, *g] as h: i\n    case {1: j, **k}: l", "c e f g h j k", "B a i l"),
        ("lambda a, *b, c=d: (a, b, c, e)", "", "d e"),
        ("a.b = c[d]; e[f] = 1", "", "a c d e f"),
    ],
)
def test_names(source: str, defined: str, used: str) -> None:
    names = Names(ast.parse(source))
    assert (names.defined, names.used) == (set(defined.split()), set(used.split()))


@pytest.mark.parametrize(
    "source",
    [
        "def _f(): pass\n_f()",
        "async  def _f(): pass\n_f()",
        "class \\\n _f: pass\n_f()",
        "try: pass\nexcept E as _f: pass\n_f = 1",
        "match x:\n    case {1: 2, **_f}: _f",
        "import a._f as _f",
        "import _f.a",
        'def g():\n    global _f, \\\n        _f\n    _f = 1',
        'f"""\n{_f} {a:{_f}}\n"""\n_f = 1',
    ],
)  # fmt: skip
def test_renamed_everywhere_or_written_anew(source: str) -> None:
    names = Names(ast.parse(source))
    after = Names(ast.parse(names.renamed(source, {"_f": "new"})))
    assert "new" in after.mentioned
    assert "_f" not in after.mentioned
