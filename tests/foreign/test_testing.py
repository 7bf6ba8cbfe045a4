"""Tests of other graders, judged outside: right and wrong solutions, and forgeries that gain nothing."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass
from typing import Any

import pytest

from grader.errors import SubmissionFault
from grader.foreign.testing import Outcome, Surroundings, run_test
from tests.fakes import LocalKernel, run_of


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
    "an end": ("def f(n): raise SystemExit", "try:\n    f(3)\nexcept BaseException:\n    pass"),
}


@pytest.mark.parametrize("case", FORGED)
def test_forgeries_gain_nothing(case: str) -> None:
    notebook, code = FORGED[case]
    with pytest.raises(SubmissionFault) as failed:
        judged(notebook, code)
    assert failed.value.message
