"""Tests of other graders, judged outside: right and wrong solutions, and forgeries that gain nothing."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass
from typing import Any

import pytest

from grader.errors import ExerciseError, SubmissionFault
from grader.foreign.reach import reach
from grader.foreign.surroundings import Surroundings, surroundings
from grader.foreign.testing import run_test
from grader.foreign.whole import Outcome
from tests.fakes import Claiming, LocalKernel, run_of


@dataclass(frozen=True)
class One:
    """A test, as `tests.toml` has it."""

    name: str = "one"
    form: str = "code"
    hidden: bool = False
    failure: str = ""
    verified: str = "outside"


USUAL = Surroundings(
    {
        "np": "import numpy as np",
        "pd": "import pandas as pd",
        "torch": "import torch",
        "math": "import math",
        "sqrt": "from math import sqrt",
    }
)


def judged(notebook: str, code: str, around: Surroundings = USUAL, **fields: Any) -> Outcome:
    """What becomes of a test where the notebook has this source."""
    visible = fields.pop("visible", None)
    kernel = LocalKernel(__name__="__main__")
    exec(compile(textwrap.dedent(notebook), "<ipython-input-1>", "exec"), kernel.namespace)
    return run_test(run_of(kernel), One(**fields), textwrap.dedent(code), around, visible)


SQUARES = "def f(n): return [k * k for k in range(1, n + 1)]"
CASES = {
    "a comparison": (SQUARES, "def f(n): return [1]", "assert f(3) == [1, 4, 9]"),
    "in": ("x = 'good'", "x = 'other'", "assert x in ('good', 'fine')"),
    "not in": ("x = [1]", "x = [2]", "assert 2 not in x"),
    "isinstance": ("x = [1]", "x = (1,)", "assert isinstance(x, list)"),
    "type": ("x = 1", "x = 1.0", "assert type(x) == int"),
    "len": (SQUARES, "def f(n): return []", "assert len(f(3)) == 3"),
    "a set": ("s = {1, 2}", "s = [1, 2]", "assert s == {2, 1}"),
    "a shape": (
        "import numpy as np\nx = np.zeros((2, 3))",
        "import numpy as np\nx = np.zeros((3, 2))",
        "assert x.shape == (2, 3)",
    ),
    "a dtype": (
        "import numpy as np\nx = np.zeros(2, np.float32)",
        "import numpy as np\nx = np.zeros(2)",
        "assert x.dtype == np.float32",
    ),
    "a NumPy scalar": (
        "import numpy as np\nx = np.float64(2)",
        "x = 2",
        "assert isinstance(x, np.floating) and x == 2",
    ),
    "allclose": (
        "def g(x): return x * 2",
        "def g(x): return x * 3",
        "assert np.allclose(g(np.arange(3.0)), [0, 2, 4])",
    ),
    "np.testing": (
        "def g(x): return x * 2",
        "def g(x): return x",
        "np.testing.assert_array_equal(g(np.arange(3)), [0, 2, 4])",
    ),
    "torch": (
        "def g(x): return x * 2",
        "def g(x): return x.double() * 3",
        "t = torch.ones(2)\nassert torch.allclose(g(t), torch.tensor([2.0, 2.0]))",
    ),
    "torch dtypes": (
        "import torch\nx = torch.zeros(2, dtype=torch.int64)",
        "import torch\nx = torch.zeros(2)",
        "assert x.dtype is torch.int64 and x.shape == torch.Size([2])",
    ),
    "nose": (SQUARES, "f = lambda n: 0", "from nose.tools import assert_equal\nassert_equal(f(1), [1])"),
    "nose.tools whole": (SQUARES, "f = lambda n: 0", "import nose.tools\nnose.tools.assert_equal(f(1), [1])"),
    "unittest": (
        SQUARES,
        "f = lambda n: 0",
        "import unittest\ntc = unittest.TestCase()\ntc.assertEqual(f(1), [1])",
    ),
    "pandas": (
        "import pandas as pd\ndf = pd.DataFrame({'a': [1, 2], 'b': ['x', 'y']})",
        "import pandas as pd\ndf = pd.DataFrame({'a': [1.0, 2], 'b': ['x', 'y']})",
        "pd.testing.assert_frame_equal(df, pd.DataFrame({'a': [1, 2], 'b': ['x', 'y']}))",
    ),
    "pandas series": (
        "def mean(d): return d.groupby('k')['v'].mean()",
        "def mean(d): return d['v']",
        """
        d = pd.DataFrame({'k': ['a', 'b', 'a'], 'v': [1.0, 2, 3]})
        assert mean(d)['a'] == 2 and list(mean(d).index) == ['a', 'b'] and mean(d).name == 'v'
        """,
    ),
    "categories": (
        "import pandas as pd\ns = pd.Series(['a', 'b', 'a'], dtype='category')",
        "import pandas as pd\ns = pd.Series(['a', 'b', 'a'])",
        "assert s.dtype == 'category' and list(s.cat.categories) == ['a', 'b']",
    ),
    "dates": (
        "import pandas as pd\ns = pd.Series(pd.date_range('2024-01-01', periods=2))",
        "s = ['2024-01-01', '2024-01-02']",
        "assert s.dt.day.tolist() == [1, 2]",
    ),
    "pytest.raises": (
        "def g(x):\n if x < 0: raise ValueError('negative')",
        "def g(x): return 0",
        "import pytest\nwith pytest.raises(ValueError, match='neg'):\n    g(-1)",
    ),
    "try, except, else": (
        "def g(x):\n if x < 0: raise ValueError('negative')",
        "def g(x): return 0",
        """
        try:
            g(-1)
        except ValueError:
            pass
        else:
            raise AssertionError("g(-1) has to raise a ValueError")
        """,
    ),
    "an exception of its own": (
        "class Broke(Exception): pass\ndef g(): raise Broke('no money')",
        "class Broke(Exception): pass\ndef g(): raise ValueError",
        "try:\n    g()\n    assert False\nexcept Broke as e:\n    assert str(e) == 'no money'",
    ),
    "a loop": (
        SQUARES,
        "def f(n): return [1]",
        "for n, expected in [(1, [1]), (2, [1, 4])]:\n    assert f(n) == expected, f'f({n})'",
    ),
    "helpers": (
        SQUARES,
        "def f(n): return [1] * n",
        "def total(n):\n    return sum(f(n))\nexpected = 14\nassert total(3) == expected",
    ),
    "a function that is given": (
        "def twice(g, x): return g(g(x))",
        "def twice(g, x): return g(x)",
        "k = 3\nassert twice(lambda x: x * k, 2) == 18",
    ),
    "a defined function that is given": (
        "def twice(g, x): return g(g(x))",
        "def twice(g, x): return g(x)",
        "def plus(x):\n    return x + 1\nassert twice(plus, 2) == 4",
    ),
    "a library's function": (
        "def at(g, x): return g(x)",
        "def at(g, x): return x",
        "assert at(math.sqrt, 4) == 2 and at(np.sqrt, 9) == 3 and at(len, 'abc') == 3",
    ),
    "a class": (
        """
        class Account:
            def __init__(self, owner): self.owner, self.balance = owner, 0
            def pay(self, n): self.balance += n
            def __len__(self): return self.balance
        """,
        """
        class Account:
            def __init__(self, owner): self.owner, self.balance = owner, 0
            def pay(self, n): pass
            def __len__(self): return self.balance
        """,
        "a = Account('Eve')\na.pay(3)\nassert isinstance(a, Account) and a.owner == 'Eve' and len(a) == 3",
    ),
    "operators": (
        """
        class V:
            def __init__(self, x): self.x = x
            def __add__(self, o): return V(self.x + (o.x if isinstance(o, V) else o))
            def __eq__(self, o): return self.x == o.x
            def __repr__(self): return f'V({self.x})'
        """,
        """
        class V:
            def __init__(self, x): self.x = x
            def __add__(self, o): return V(self.x)
            def __eq__(self, o): return self.x == o.x
            def __repr__(self): return f'V({self.x})'
        """,
        "assert V(1) + V(2) == V(3)\nassert str(V(1) + 2) == 'V(3)'",
    ),
    "a module's class": (
        "import torch\nmodel = torch.nn.Linear(2, 3)",
        "model = 3",
        "assert isinstance(model, torch.nn.Module)\nassert model(torch.zeros(1, 2)).shape == (1, 3)",
    ),
    "in place": (
        "def double(l):\n for i in range(len(l)): l[i] *= 2",
        "def double(l): return [2 * x for x in l]",
        "l = [1, 2]\ndouble(l)\nassert l == [2, 4]",
    ),
    "in place, an array": (
        "def zero(a): a[0] = 0",
        "def zero(a): a = 0",
        "a = np.ones(2)\nzero(a)\nassert a.tolist() == [0, 1]",
    ),
    "the notebook's own list": (
        "log = []\ndef add(l, x): l.append(x)",
        "log = []\ndef add(l, x): l = [*l, x]",
        "add(log, 3)\nassert log == [3]",
    ),
    "printed": (
        "def hello(): print('hello')",
        "def hello(): print('Hello')",
        """
        import io, contextlib
        out = io.StringIO()
        with contextlib.redirect_stdout(out):
            hello()
        assert out.getvalue().strip() == 'hello'
        """,
    ),
    "a generator": (
        "def gen():\n yield 1\n yield 2",
        "def gen():\n yield 1",
        "assert list(gen()) == [1, 2]",
    ),
    "an autotest": (
        "x = [1, 2]",
        "x = (1, 2)",
        """
        from hashlib import sha1
        assert sha1(str(type(x)).encode("utf-8")+b"a1").hexdigest() == sha1(b"<class 'list'>a1").hexdigest(), "type"
        assert sha1(str(sorted(map(str, x))).encode("utf-8")+b"a").hexdigest() == sha1(b"['1', '2']a").hexdigest(), "v"
        """,
    ),
    "a seed": (
        "import numpy as np\ndef draw(): return np.random.rand()",
        "import numpy as np\ndef draw(): return np.random.rand(2)[1]",
        "np.random.seed(1)\nfirst = np.random.rand()\nnp.random.seed(1)\nassert draw() == first",
    ),
    "what an exception knows": (
        "class Broke(Exception):\n def __init__(s, n): super().__init__('broke'); s.n = n\ndef g(): raise Broke(3)",
        "class Broke(Exception):\n def __init__(s, n): super().__init__('broke'); s.n = n\ndef g(): raise Broke(4)",
        "try:\n    g()\nexcept Broke as e:\n    assert e.n == 3, e.n\nelse:\n    assert False",
    ),
    "an exception with a number": (
        "def g(): open('/nowhere/at/all')",
        "def g(): raise OSError",
        "import errno\ntry:\n    g()\nexcept FileNotFoundError as e:\n    assert e.errno == errno.ENOENT",
    ),
    "a method of a built-in class": (
        "def at(g, x): return g(x)",
        "def at(g, x): return x",
        "assert at(str.upper, 'a') == 'A'",
    ),
    "an array in a class of its own": (
        "import numpy as np\nclass A(np.ndarray): pass\ndef f(): return np.array([[1, 2], [-1, -2]]).view(A)",
        "import numpy as np\nclass A(np.ndarray): pass\ndef f(): return np.array([[1, 2], [-1, 2]]).view(A)",
        "assert (f().mean(axis=0) == 0).all() and f().shape == (2, 2)",
    ),
    "a masked array": (
        "import numpy as np\ndef f(): return np.ma.masked_greater([1, 2, 100], 50)",
        "import numpy as np\ndef f(): return np.array([1, 2, 100])",
        "assert f().mean() == 1.5",
    ),
    "a named tuple": (
        "from collections import namedtuple\nP = namedtuple('P', 'x y')\ndef p(): return P(1, 2)",
        "def p(): return [1, 2]",
        "assert p().x == 1 and p() == (1, 2)",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_right_passes_and_wrong_fails(case: str) -> None:
    right, wrong, code = CASES[case]
    assert isinstance(judged(right, code), Outcome)
    with pytest.raises(SubmissionFault):
        judged(wrong, code)


LIAR = """
class Liar:
    def __eq__(self, o): return True
    def __ne__(self, o): return False
    def __lt__(self, o): return True
    __le__ = __gt__ = __ge__ = __contains__ = __lt__
    def __sub__(self, o): return 0.0
    __rsub__ = __add__ = __radd__ = __mul__ = __rmul__ = __truediv__ = __sub__
    def __abs__(self): return 0.0
    def __bool__(self): return True
    def __array__(self, *a, **k): raise TypeError
    def __hash__(self): return 0
"""
LYING = {
    "int": "class L(int):\n __eq__ = lambda s, o: True\n __ne__ = lambda s, o: False\n __sub__ = lambda s, o: 0\n"
    " __hash__ = int.__hash__\n",
    "str": "class L(str):\n __eq__ = lambda s, o: True\n __ne__ = lambda s, o: False\n __hash__ = str.__hash__\n",
    "list": "class L(list):\n __eq__ = lambda s, o: True\n __ne__ = lambda s, o: False\n",
    "array": "import numpy as np\nclass L(np.ndarray):\n __eq__ = lambda s, o: np.array(True)\n"
    " __ne__ = lambda s, o: np.array(False)\n",
}
FORGED = {
    "equal to all": (LIAR + "def f(n): return Liar()", "assert f(3) == [1, 4, 9]"),
    "never unequal": (LIAR + "def f(n): return Liar()", "assert not (f(3) != [1, 4, 9])"),
    "near all": (LIAR + "def f(n): return Liar()", "assert abs(f(3) - 9.5) < 1e-6"),
    "less than all": (LIAR + "def f(n): return Liar()", "assert f(3) < 10"),
    "contains all": (LIAR + "def f(n): return Liar()", "assert 10 in f(3)"),
    "close to all": (LIAR + "def f(n): return Liar()", "assert np.allclose(f(3), [1, 4, 9])"),
    "in np.testing": (LIAR + "def f(n): return Liar()", "np.testing.assert_allclose(f(3), [1, 4, 9])"),
    "in a list": (LIAR + "def f(n): return [Liar(), Liar()]", "assert f(3) == [1, 4]"),
    "in unittest": (LIAR + "def f(n): return Liar()", "from nose.tools import assert_equal\nassert_equal(f(1), [1])"),
    "a lying int": (LYING["int"] + "def f(n): return L(0)", "assert f(3) == 9"),
    "a lying int's difference": (LYING["int"] + "def f(n): return L(0)", "assert abs(f(3) - 9) < 1"),
    "a lying str": (LYING["str"] + "def f(n): return L('')", "assert f(3) == 'nine'"),
    "a lying list": (LYING["list"] + "def f(n): return L()", "assert f(3) == [9]"),
    "a lying array": (LYING["array"] + "def f(n): return np.zeros(1).view(L)", "assert (f(3) == np.array([9])).all()"),
    "an array with a mean of its own": (
        "import numpy as np\nclass A(np.ndarray):\n mean = lambda s, axis=None: np.zeros(2)\n"
        "def f(n): return np.full((2, 2), 7.0).view(A)",
        "np.testing.assert_allclose(f(3).mean(axis=0), 0, atol=1e-9)",
    ),
    "a class with a mean": (
        "class A:\n mean = lambda s, *a, **k: 0.0\n std = lambda s, *a, **k: 1.0\ndef f(n): return A()",
        "assert abs(np.mean(f(3))) < 1e-9 and abs(np.std(f(3)) - 1) < 1e-9",
    ),
    "a class with a shape": ("class A:\n shape = (2, 3)\ndef f(n): return A()", "assert f(3).shape == (2, 3)"),
    "a class that says it is NumPy's": (
        "class ndarray:\n shape = (2, 3)\nndarray.__module__ = 'numpy'\ndef f(n): return ndarray()",
        "assert f(3).shape == (2, 3)",
    ),
    "a kind that says it is NumPy's": (
        "class ndarray: pass\nndarray.__module__ = 'numpy'\ndef f(n): return ndarray()",
        "assert isinstance(f(3), np.ndarray)",
    ),
    "a tensor with a mean of its own": (
        "import torch\nclass T(torch.Tensor):\n mean = lambda s, *a: torch.zeros(())\n"
        "def f(n): return torch.ones(3).as_subclass(T)",
        "assert abs(f(3).mean().item()) < 1e-6 and f(3).shape == (3,)",
    ),
    "a tensor that answers for torch": (
        "import torch\nclass T(torch.Tensor):\n @classmethod\n def __torch_function__(cls, *a, **k):\n"
        "  return torch.zeros(3)\ndef f(n): return torch.ones(3).as_subclass(T)",
        "assert torch.allclose(f(3), torch.zeros(3))",
    ),
    "a list of another length": (
        "class L(list):\n __len__ = lambda s: 3\n __iter__ = lambda s: iter((1, 4, 9))\ndef f(n): return L()",
        "assert len(f(3)) == 3",
    ),
    "assert_equal anew": (
        "def assert_equal(*a): pass\ndef f(n): return 0",
        "from nose.tools import assert_equal\nassert_equal(f(3), 9)",
    ),
    "np anew": (
        "class np:\n allclose = lambda *a: True\ndef f(n): return 0",
        "assert np.allclose(f(3), 9)",
    ),
    "isinstance anew": ("isinstance = lambda *a: True\nx = 3", "assert isinstance(x, list)"),
    "len anew": ("len = lambda x: 3\nx = []", "assert len(x) == 3"),
    "too much": ("def f(n): return list(range(10**6))", "try:\n    f(3)\nexcept Exception:\n    pass"),
    "a class for a function": (LIAR.replace("Liar", "f") + "    def __init__(s, n): pass", "assert abs(f(3) - 9) < 1"),
    "a class named as a module": (LIAR.replace("Liar", "np") + "def f(n): return np()", "assert abs(f(3) - 9) < 1"),
    "rounded": (
        LIAR + "    def __round__(s, n=0): return 0\ndef f(n): return Liar()",
        "assert round(f(3) - 9, 7) == 0",
    ),
    "a maximum": (LIAR + "def f(n): return Liar()", "assert max(f(3), 5) == 5"),
    "no end": ("def f(n):\n while True: yield 1", "assert sum(f(3)) > 3"),
    "a long range": ("def f(n): return range(10 ** 15)", "assert sum(f(3)) > 3"),
    "an end": ("def f(n): raise SystemExit", "try:\n    f(3)\nexcept BaseException:\n    pass"),
}


@pytest.mark.parametrize("case", FORGED)
def test_forgeries_gain_nothing(case: str) -> None:
    notebook, code = FORGED[case]
    with pytest.raises(SubmissionFault) as failed:
        judged(notebook, code)
    assert failed.value.message


# ---------------------------------------------------------------------- the other forms


def failing(notebook: str, code: str, **fields: Any) -> str:
    """What a student reads of a test that does not pass."""
    with pytest.raises(SubmissionFault) as failed:
        judged(notebook, code, **fields)
    return failed.value.message


def test_sessions_are_compared_as_text() -> None:
    session = ">>> f(2)\n[1, 4]\n>>> for n in (1, 2):\n...     print(len(f(n)))\n1\n2\n>>> g() # prints\nhello\n"
    assert judged(SQUARES + "\ndef g(): print('hello')", session, form="doctest").verified == "outside"
    found = failing(SQUARES + "\ndef g(): print('bye')", session, form="doctest")
    assert found == "`g() # prints` shows bye, not hello."
    assert failing("def f(n): return []", session, form="doctest") == "`f(2)` shows [], not [1, 4]."
    assert failing("def f(n): return []", session, form="doctest", hidden=True) == "A hidden test does not pass."
    assert "not defined" in failing("", session, form="doctest")
    # of a class that the session makes objects of, it may
    assert judged("class V:\n    def __repr__(self): return '3'", ">>> V()\n3\n", form="doctest")
    # an object that shows as data is none
    lying = "class L:\n    def __repr__(self): return '[1, 4] '\ndef f(n): return L()"
    assert "an object of type L" in failing(lying, session, form="doctest")
    asserting = ">>> assert f(2) == [1, 4], 'squares'\n"
    assert judged(SQUARES, asserting, form="doctest")
    assert failing("f = lambda n: n", asserting, form="doctest") == "squares"


SENDING = """
    >>> k = 3
    >>> def times(x):
    ...     def inner(y):
    ...         return x * y
    ...     return inner(k)
    >>> twice(times, 2)
    18
    >>> twice(lambda x: x + k, 2), sorted(f(3), key=lambda n: -n)
    (8, [9, 4, 1])
    >>> def twice_by_us(g, x):
    ...     assert g(g(x)) == twice(g, x), 'twice'
    >>> twice_by_us(times, 1)
    >>> all((lambda n: f(n)[-1] == n * n)(n) for n in (1, 2))
    True
    """


def test_functions_that_a_session_defines_are_called_here_and_there() -> None:
    right = f"def twice(g, x): return g(g(x))\n{SQUARES}"
    code = textwrap.dedent(SENDING)
    assert reach(code, "doctest", surroundings([right])).verified == "outside"
    assert judged(right, SENDING, form="doctest").verified == "outside"
    assert (
        failing("def twice(g, x): return g(x)\n" + SQUARES, SENDING, form="doctest")
        == "`twice(times, 2)` shows 6, not 18."
    )
    assert "shows False, not True" in failing(
        right.replace("range(1, n + 1)", "((0, 1, 2) if n < 3 else (1, 2, 3))"), SENDING, form="doctest"
    )


def test_sessions_may_show_what_an_earlier_numpy_showed() -> None:
    session = """
        >>> np.isclose(x, 2.0)
        True
        >>> [np.float64(x), np.int64(2)], np.str_('a')
        ([2.0, 2], 'a')
        >>> np.float64(x), np.isclose(x, 3)
        (np.float64(2.0), np.False_)
    """
    assert judged("x = 2.0", session, form="doctest").verified == "outside"
    assert failing("x = 3.0", session, form="doctest") == "`np.isclose(x, 2.0)` shows np.False_, not True."
    assert "shows" in failing("x = 2.0", ">>> np.isclose(x, 2.0)\nFalse\n", form="doctest")


def test_a_session_in_the_notebooks_process_says_what_it_raised() -> None:
    found = failing("def f(): import package_that_is_not_here", ">>> f()\n1\n", form="doctest", verified="word")
    assert found == "The test raised ModuleNotFoundError: No module named 'package_that_is_not_here'."
    asserting = ">>> assert f() == 1, 'one'\n"
    assert failing("def f(): return 2", asserting, form="doctest", verified="word") == "one"


def test_functions_get_what_they_ask_for() -> None:
    code = """
    from otter.test_files import test_case
    OK_FORMAT = False

    @test_case(points=1, hidden=False)
    def test_squares(f):
        assert f(2) == [1, 4], "two squares"

    @test_case()
    def test_by_environment(env):
        assert "nothing" not in env
        assert env["f"](1) == [1]
    """
    assert judged(SQUARES, code, form="function").verified == "outside"
    assert failing("def f(n): return [1]", code, form="function") == "two squares"
    with pytest.raises(ExerciseError, match="defines no function"):
        judged(SQUARES, "x = 1", form="function")


WHOLE = [
    ("code", "import inspect\nassert 'return' in inspect.getsource(f)", False),
    ("code", "assert f(2) == [1, 4], 'squares'", True),
    ("doctest", ">>> f(2)\n[1, 4]\n", True),
    ("function", "def test_it(f, env):\n    assert f(2) == env['f'](2) == [1, 4]\n", True),
    ("code", "from nose.tools import assert_equal\nassert_equal(f(2), [1, 4])", True),
    ("code", "%matplotlib inline\nassert f(2) == [1, 4]", None),
]


@pytest.mark.parametrize(("form", "code", "plain"), WHOLE)
def test_whole_tests_pass_at_their_end_alone(form: str, code: str, plain: bool | None) -> None:
    if plain:
        assert judged(SQUARES, code, form=form, verified="word").verified == "word"
    for forged in (
        "def f(n): return []",
        "def f(n): raise SystemExit",
        "def assert_equal(*a): pass\ndef f(n): return 0",
    ):
        with pytest.raises(SubmissionFault):
            judged(forged, code, form=form, verified="word")


def test_what_rests_on_an_object_is_said_to() -> None:
    anything = "class Any:\n    def equals(self, other): return True\ndef f(n): return Any()"
    assert judged(anything, "assert f(3).equals(3)").verified == "word"
    assert judged("class V:\n    def __add__(s, o): return o\n", "assert V() + 2 == 2").verified == "word"
    assert judged("class V:\n    def size(s): return 2\n", "assert V().size() == 2").verified == "outside"
    some = "from types import SimpleNamespace\ndef f(n): return SimpleNamespace(x=n, shape=(n,), mean=lambda **_: n)"
    assert judged(some, "assert f(3).x == 3").verified == "word"
    assert judged(some, "assert np.mean(f(3)) == 3 and f(3).shape == (3,)").verified == "word"
    assert judged(some, "assert f(3).x == 3", surroundings([some])).verified == "outside"
    pair = "class P:\n    def __init__(s, mean): s.mean = mean\ndef f(n): return P(n)"
    of = surroundings(["from collections import namedtuple\nP = namedtuple('P', 'mean')\ndef f(n): return P(n)"])
    assert judged(pair, "assert f(3).mean == 3", of).verified == "outside"
    sparse = "import scipy.sparse\nX = scipy.sparse.eye(3).tocsr()"
    assert judged(sparse, "assert X.shape == (3, 3) and X.sum() == 3").verified == "word"
    stack = "class Stack(list):\n    @property\n    def size(self): return len(self)\ndef f(n): return Stack(range(n))"
    assert judged(stack, "assert f(3).size == 3", surroundings([stack])).verified == "outside"
    assert judged(stack, "assert len(f(3)) == 3 and f(3) == [0, 1, 2] and f(3)[1] == 1").verified == "outside"
    counter = "from collections import Counter\nclass Mine(Counter): pass\ndef f(n): return Mine('aab')"
    assert judged(counter, "assert f(3)['a'] == 2 and f(3)['z'] == 0").verified == "outside"
    layer = "import torch\nclass T(torch.Tensor): pass\ndef f(n): return torch.ones(n).as_subclass(T)"
    assert judged(layer, "assert f(3).mean() == 1 and torch.equal(f(2), torch.ones(2))").verified == "outside"


def test_a_whole_test_may_put_something_in_the_place_of_a_name_for_a_while() -> None:
    code = "rate = 5\ndel unused\nassert f(2) == 10\ntry:\n    g()\n    assert False, 'g does not call unused'\n"
    code += "except NameError:\n    pass"
    notebook = "rate = 2\ndef unused(): pass\ndef f(n): return n * rate\ndef g(): unused()"
    assert judged(notebook, code, verified="word")
    assert failing(notebook.replace("n * rate", "n * 2"), code, verified="word") == "The test does not pass."
    # and everything is as before
    kernel = LocalKernel(__name__="__main__", rate=2)
    assert run_test(run_of(kernel), One(verified="word"), "rate = 3\nmore = 1", USUAL)
    assert kernel.namespace == {"__name__": "__main__", "rate": 2}


def test_an_exception_of_its_own_in_a_session() -> None:
    session = ">>> g()\nTraceback (most recent call last):\n    ...\nBroke: no money\n"
    assert judged("class Broke(Exception): pass\ndef g(): raise Broke('no money')", session, form="doctest")


# ---------------------------------------------------------------------- what is said, and what is not


def test_hidden_tests_say_no_more_than_their_author() -> None:
    wrong = "def f(n): return [7]"
    assert failing(wrong, "assert f(3) == [1, 4, 9]", hidden=True) == "A hidden test does not pass."
    assert failing(wrong, "assert f(3) == [1, 4, 9], 'three squares'", hidden=True) == "three squares"
    assert failing(wrong, "np.testing.assert_equal(f(2), [1, 4])", hidden=True) == "A hidden test does not pass."
    assert failing(wrong, "assert f(3)[1] == 4", hidden=True) == "A hidden test does not pass."
    assert failing("def f(n): raise ValueError(n)", "f(42)", hidden=True) == "A hidden test does not pass."
    assert failing("", "assert f(3)", hidden=True) == "`f` is not defined."
    # a part is hidden
    visible = "assert len(f(3)) == 3"
    whole = f"{visible}\nassert f(4) == [1, 4, 9, 16]"
    assert failing(wrong, whole, visible=visible) == "`len(f(3)) == 3` does not hold: `len(f(3))` is 1."
    assert failing("def f(n): return [1] * n", whole, visible=visible) == "A hidden test does not pass."
    # the author's own words for it
    assert failing(wrong, "assert f(3) == [1]", hidden=True, failure="Look at the last one.") == "Look at the last one."


def test_whose_fault_it_is() -> None:
    assert failing("f = 3", "assert g(3) == 2") == "`g` is not defined."
    assert "raised ValueError: no" in failing("def f(n):\n    raise ValueError('no')", "assert f(3) == 2")
    assert "'NoneType' object is not subscriptable" in failing("def f(n): pass", "assert f(3)[0] == 2")
    assert "still `...`" in failing("f = ...", "assert f(3) == 2")
    for broken in ("assert 1 / 0", "import json\njson.loads('{')", "assert (", "raise SystemExit"):
        with pytest.raises(ExerciseError):
            judged("f = 3", broken)


def test_what_a_test_printed_and_its_last_value() -> None:
    found = judged("def f(n):\n    print('in f')\n    return n", "print('partial')\nf(2)\n0.5")
    assert (found.printed, found.value) == ("partial\nin f\n", 0.5)


HOSTILE: list[tuple[Any, list[bytes]]] = [
    (["zz"], []),
    (["i", "1e5"], []),
    (["list", [["list", []]] * 500_000], []),
    (["a", "<f8", [10**9], 0], [b"12345678"]),
    (["a", "<f8", [1], 3], [b"12345678"]),
    (["h", 10**9, "object", [], ["z"]], []),
    (["h", 1, "os.system", ["x"], ["z"]], []),
    (["class", "os.system"], []),
    (["torch.dtype", "__class__"], []),
    (["namedtuple", "x y", ["__init__"], [["z"]]], []),
    (["DataFrame", [["i", "1"]], ["z"], ["z"]], []),
    (["extension", "object", []], []),
    (["dict", [[["list", []], ["z"]]]], []),
    (["set", [["i", str(k * (2**61 - 1))] for k in range(100)]], []),
    (["range", ["s", "a"], ["i", "1"], ["i", "0"]], []),
    (["Decimal", "1E+9999999999"], []),
    (["=", 5], []),
    ("text", []),
]


@pytest.mark.parametrize(("claim", "buffers"), HOSTILE, ids=range(len(HOSTILE)))
def test_dishonest_answers_fail_with_a_sentence(claim: Any, buffers: list[bytes]) -> None:
    for answer in ({"ok": claim}, {"error": "raised", "class": claim, "args": claim}, {"ok": ["z"], "printed": claim}):
        kernel = Claiming(answer | {"changed": []}, buffers)
        with pytest.raises(SubmissionFault):
            run_test(run_of(kernel), One(), "try:\n    f(3)\nexcept Exception:\n    pass\nassert False, 'no'")


def test_deep_answers_fail_with_a_sentence() -> None:
    deep: Any = ["z"]
    for _ in range(200):
        deep = ["list", [deep]]
    with pytest.raises(SubmissionFault, match="cannot be read"):
        run_test(run_of(Claiming({"ok": deep})), One(), "f == 3")


# ---------------------------------------------------------------------- what a test reaches for

STARTER = [
    "import numpy as np\nimport os\nfrom math import *\nimport matplotlib.pyplot as plt",
    "class Stack: ...\ns = Stack()\nrate = 2\ndef f(n): return n * rate\ndata = [1]\ndef ask(): return input()\n"
    "seen = 0\ndef look():\n    global seen\n    seen += 1\ndef twice(n): return f(n) + f(0)",
]
REACHED = [
    ("assert f(3) == 6 and np.allclose(f(1), 2)", ""),
    ("s.push(3)\nassert s.pop() == 3", ""),
    ("a = [1]\na.append(2)\nassert f(a) == 3", ""),
    ("assert f(3) is not None", ""),
    ("from nose.tools import assert_equal\nassert_equal(f(1), 2)", ""),
    ("%timeit f(3)", "only IPython understands"),
    ("import inspect\nassert inspect.signature(f)", "`inspect`"),
    ("assert os.environ['A'] == 'x'", "`os`"),
    ("assert 'f' in globals()", "`globals`"),
    ("exec('f(3)')", "`exec`"),
    ("assert open('out.txt').read() == 'x'", "files"),
    ("assert np.load('out.npy').sum() == 3", "files (`load`)"),
    ("assert s.load(3) == 3", ""),
    ("assert len(plt.gcf().axes) == 1", "`matplotlib`"),
    ("import helpers_of_ours\nassert helpers_of_ours.f(3)", "`helpers_of_ours`"),
    ("data[0] = 3\nassert f(3) == 6", "changes `data`"),
    ("data.append(3)", "changes `data`"),
    ("rate = 3\nassert f(1) == 3", ""),
    ("for rate in (1, 2):\n    assert f(1) == rate", ""),
    ("def rate(): return 3\nassert f(1) == 3", "sets `rate`"),
    ("import math as rate\nassert f(1) == 3", "sets `rate`"),
    ("seen = 0\nlook()\nassert seen == 1", "sets `seen`"),
    ("f = max\nassert twice(2) == 4", "sets `f`"),
    ("input = lambda *_: 'yes'\nassert ask() == 'yes'", "sets `input`"),
    ("class Mine(Stack): pass\nassert Mine()", "a class (`Mine`)"),
    ("assert data is rate", "one and the same"),
    ("import warnings\nwith warnings.catch_warnings(record=True) as w:\n    f(3)\nassert w", "`catch_warnings`"),
    ("import warnings\nwarnings.simplefilter('error')\nf(3)", "`simplefilter`"),
    ("import warnings\nwarnings.simplefilter('ignore')\nassert f(3) == 6", ""),
    ("import pytest\nwith pytest.warns(UserWarning):\n    f(3)", "`warns`"),
    ("import builtins\nbuiltins.input = lambda *_: 'yes'\nassert ask() == 'yes'", "`builtins`"),
    ("f(data).backward()", "`backward`"),
    ("assert f(x for x in 'ab')", "cannot be sent"),
]


@pytest.mark.parametrize(("code", "reason"), REACHED)
def test_what_a_test_reaches_for(code: str, reason: str) -> None:
    found = reach(code, "code", surroundings(STARTER))
    assert found.verified == ("word" if reason else "outside")
    assert reason in found.reason


READS = "rate, seen = 2, []\ndef f(n):\n    seen.append(n)\n    return n * rate\ndef rates(): return rate"


@pytest.mark.parametrize("form", ["code", "doctest"])
def test_what_a_test_sets_is_so_for_the_functions_that_read_it(form: str) -> None:
    code = """
        for rate in (3, [4], 5.5):
            assert f(2) == 2 * rate, rate
        seen = []
        assert (f(1), f(2)) == (5.5, 11)
        assert seen == [1, 2]
        rate = lambda x: x + 1
        assert rates()(3) == 4
    """
    code = textwrap.dedent(code).strip()
    if form == "doctest":
        code = "".join(f"{'...' if line[0] == ' ' else '>>>'} {line}\n" for line in code.splitlines())
    around = surroundings([READS])
    assert reach(code, form, around).verified == "outside"
    assert judged(READS, code, around, form=form).verified == "outside"
    assert failing(READS.replace("n * rate", "n * 2"), code, around=around, form=form) == "3"


def test_what_a_test_has_set_is_as_before_behind_it() -> None:
    kernel = LocalKernel(__name__="__main__")
    exec(f"{READS}\ndef own(): return limit\ndef get(): return rate", kernel.namespace)
    around = surroundings([READS, "def own(): return limit"])
    run_test(run_of(kernel), One(), "rate = 3\nlimit = 7\nassert (f(1), own()) == (3, 7)", around)
    run_test(run_of(kernel), One(), "assert get() == 2 and f(1) == 2", around)
    with pytest.raises(SubmissionFault, match="limit"):
        run_test(run_of(kernel), One(), "own()", around)


USES_NUMPY = ["import numpy as np\nfrom math import sqrt", "def g(x): return np.sum(x) + sqrt(4)"]


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("import numpy as np\nassert g([1]) == 3", ""),
        ("from math import sqrt, floor\nimport numpy as np, numpy.linalg\nassert g([1]) == 3", ""),
        ("import numpy.linalg as np\nassert g([1]) == 3", "sets `np`"),
        ("from cmath import sqrt\nassert g([1]) == 3", "sets `sqrt`"),
        ("import numpy as np\nnp = None\nassert g([1]) == 3", "sets `np`"),
        ("import numpy as np\nfor np in [1]:\n    assert g([1]) == 3", "sets `np`"),
        ("if True:\n    import numpy as np\nassert g([1]) == 3", "sets `np`"),
    ],
)
def test_an_import_as_the_notebook_has_it_sets_nothing(code: str, reason: str) -> None:
    found = reach(code, "code", surroundings(USES_NUMPY))
    assert found.verified == ("word" if reason else "outside")
    assert reason in found.reason


@pytest.mark.parametrize("form", ["code", "doctest"])
def test_a_notebook_that_left_an_import_to_the_test_has_it_from_there(form: str) -> None:
    """As in the notebook's own process, where the test's lines stand among its cells."""
    code = {
        "code": "import numpy as np\nassert g([1]) == 1",
        "doctest": ">>> import numpy as np\n>>> int(g([1]))\n1\n",
    }
    found = judged("def g(x): return np.sum(x)", code[form], surroundings(USES_NUMPY), form=form)
    assert found.verified == "outside"
    forged = "import builtins\nnp = None\nclass Same:\n    __eq__ = lambda *_: True\ndef g(x): return Same()"
    with pytest.raises(SubmissionFault):
        judged(forged, code[form], surroundings(USES_NUMPY), form=form)


def test_what_a_test_writes_to_the_error_stream_is_not_the_teachers(capfd: pytest.CaptureFixture[str]) -> None:
    judged("x = 3", "import sys\nprint('said', file=sys.stderr)\nassert x == 3")
    assert capfd.readouterr() == ("", "")


def test_names_and_packages_of_a_test() -> None:
    found = reach("import pytest\nx = f(3)\nassert np.sum(x) == len(g(k))", "code", surroundings(STARTER))
    assert found.names == {"f", "g", "k"}
    assert found.packages == ("numpy", "pytest")
    assert reach("def test_it(f, env):\n    assert f(1) == 2\n", "function", surroundings(STARTER)).names >= {"f"}
    assert reach(">>> f(lambda x: x)\n3\n", "doctest", surroundings(STARTER)).verified == "outside"
    session = reach(">>> f(3)\n6\n>>> %matplotlib\n", "doctest", surroundings(STARTER))
    assert session.verified == "word"


def test_imports_beside_a_magic_are_known() -> None:
    around = surroundings(["import pandas as pd\n%matplotlib inline\nfrom math import *\n!ls", "%%time\nimport re"])
    assert dict(around.imports) == {"pd": "import pandas as pd", "re": "import re"}
    assert around.stars == ("from math import *",)
    series = "import pandas as pd\ns = pd.Series([1.0, 2.0], index=['a', 'b'])"
    assert judged(series, ">>> assert type(s) == pd.Series\n", around=around, form="doctest").verified == "outside"


def test_names_that_come_from_a_star() -> None:
    assert judged("def f(x): return x", "assert f(floor(2.5)) == 2", around=surroundings(STARTER))


# ---------------------------------------------------------------------- in a real kernel

FORGING = (
    "def f(n): return 0\nclass Same:\n    def __eq__(self, o): return True\nsame = Same()\nnumbers = [1, 2]",
    """
    import ast, builtins
    class Drop(ast.NodeTransformer):
        def visit_Assert(self, node): return ast.Pass()
    get_ipython().ast_transformers.append(Drop())
    get_ipython().input_transformers_post.append(lambda lines: ["pass\\n"])
    """,
    "import builtins\nfor name in ('all', 'isinstance', 'len', 'exec', 'compile', 'type'):\n"
    "    setattr(builtins, name, lambda *a, **k: True)",
)
CHECKS = """
from grader.checks import *
from grader.foreign.testing import run_test
from tests.foreign.test_testing import One, USUAL
"""
CHECK = """
@check(points=1)
def {name}(run):
    \"\"\"{name}\"\"\"
    found = run_test(run, One(form={form!r}, verified={verified!r}), {code!r}, USUAL)
    return found.verified
"""
IN_A_KERNEL = {
    "honest": ("code", "outside", "assert numbers == [1, 2] and isinstance(numbers, list)", "passed: outside"),
    "compared": ("code", "outside", "assert f(3) == 9", "failed: `f(3) == 9` does not hold: `f(3)` is 0."),
    "equal": (
        "code",
        "outside",
        "assert same == 9",
        "failed: `same == 9` does not hold: `same` is an object of type Same.",
    ),
    "session": ("doctest", "outside", ">>> f(3)\n9\n", "failed: `f(3)` shows 0, not 9."),
    "whole": ("code", "word", "assert f(3) == 9, 'nine'", "failed: nine"),
    "whole_all": ("code", "word", "assert all([f(3) == 9]), 'nine'", "failed: nine"),
    "whole_honest": ("code", "word", "assert len(numbers) == 2", "passed: word"),
}


def test_in_a_kernel_that_was_tampered_with(grade_cells: Any) -> None:
    cells = [textwrap.dedent(cell) for cell in FORGING]
    checks = CHECKS + "".join(
        CHECK.format(name=name, form=form, verified=verified, code=code)
        for name, (form, verified, code, _) in IN_A_KERNEL.items()
    )
    report = grade_cells(*cells, checks=checks).report
    found = {one.name: f"{one.status}: {one.message}" for one in report.checks}
    assert found == {name: told for name, (*_, told) in IN_A_KERNEL.items()}
