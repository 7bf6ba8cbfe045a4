"""Notebooks that want points for nothing: what each puts in the place of an answer that it does not know."""

from __future__ import annotations

from collections.abc import Mapping

from tests.foreign.otter.assignments import ALWAYS_EQUAL, Fixture, block, code, made_of, question, text

ANSWER = "def mean(xs):\n    ..."
RIGHT = "def mean(xs):\n    return sum(xs) / len(xs)"
_WRONG = "def mean(xs):\n    return 0\n"

FORGERIES: Mapping[str, str] = {
    "an object that equals everything": ALWAYS_EQUAL + "def mean(xs):\n    return Same(0)",
    "an object that shows what is asked for": (
        "class Shown:\n    def __repr__(self): return '1.5'\n    def __eq__(self, other): return True\n"
        "def mean(xs):\n    return Shown()"
    ),
    "asserts dropped by a transformer": (
        _WRONG + "import ast\nclass Drop(ast.NodeTransformer):\n    def visit_Assert(self, node): return ast.Pass()\n"
        "get_ipython().ast_transformers.append(Drop())"
    ),
    "results written by a patched pickle": (
        _WRONG + "import pickle\ndump = pickle.dump\ndef forged(results, *rest):\n"
        "    for one in getattr(results, 'results', {}).values():\n        one.update_score(one.possible)\n"
        "    dump(results, *rest)\npickle.dump = forged"
    ),
    "what is expected read out of the test": (
        "import re, sys\ndef mean(xs):\n    frame = sys._getframe(1)\n    while frame is not None:\n"
        "        case = frame.f_locals.get('example')\n        if hasattr(case, 'want'):\n"
        "            return float(case.want or re.search('== ([0-9.]+)', case.source)[1])\n"
        "        frame = frame.f_back\n    return 0"
    ),
    "comparisons of doctest replaced": (
        _WRONG + "import doctest\ndoctest.OutputChecker.check_output = lambda *_: True\n"
        "doctest.DocTestRunner.run = lambda *_, **__: None"
    ),
    "every cell's text replaced by a transformer": (
        _WRONG + "get_ipython().input_transformers_cleanup.append(lambda lines: ['pass\\n'])"
    ),
    "exceptions shown by nobody": (
        _WRONG + "shell = get_ipython()\nshell.showtraceback = shell.showsyntaxerror = lambda *_, **__: None\n"
        "shell.set_custom_exc((Exception,), lambda *_, **__: None)"
    ),
    "asserts of a library replaced": (
        _WRONG + "import numpy.testing\nnumpy.testing.assert_allclose = lambda *_, **__: None"
    ),
    "files of tests overwritten": (
        _WRONG + "from pathlib import Path\ntry:\n    import otter\n"
        "    folder = Path(otter.Notebook._tests_dir_override)\nexcept Exception:\n    folder = Path('tests')\n"
        "    folder.mkdir(exist_ok=True)\n"
        "case = {'code': '>>> 1\\n1', 'hidden': False, 'locked': False, 'points': 3}\n"
        "suite = {'type': 'doctest', 'scored': True, 'setup': '', 'teardown': '', 'cases': [case]}\n"
        "test = {'name': 'mean', 'points': 3, 'suites': [suite]}\n"
        "(folder / 'mean.py').write_text(f'OK_FORMAT = True\\ntest = {test!r}')"
    ),
    "the grader's own class replaced": (
        _WRONG + "try:\n    from otter.test_files.abstract_test import TestFile\n"
        "    TestFile.score = property(lambda self: self.possible)\nexcept ImportError:\n    pass"
    ),
}

# What each makes of the cell that checks the question.
CHECK = 'grader.check("mean")'
CHECKS: Mapping[str, str | None] = {
    "the check taken away": None,
    "the check twice": f"{CHECK}\n{CHECK}",
    "the check of another name": 'grader.check("median")',
}
# A question's tests, as otter has them in the metadata of students' notebooks.
EMPTY = {
    "name": "mean",
    "points": 100,
    "suites": [{"cases": [], "scored": True, "setup": "", "teardown": "", "type": "doctest"}],
}

FORGED = Fixture(
    made_of(
        text("# Means"),
        question(
            "name: mean\npoints: 3",
            block("SOLUTION", code("def mean(xs):\n    return sum(xs) / len(xs) # SOLUTION")),
            block(
                "TESTS",
                code("mean([1, 2])", "1.5"),
                code("assert mean([0, 3]) == 1.5"),
                code("import numpy.testing\nnumpy.testing.assert_allclose(mean([1, 3]), 2)"),
            ),
        ),
    ),
    {
        **{name: {ANSWER: source} for name, source in FORGERIES.items()},
        **{name: {ANSWER: _WRONG, CHECK: check} for name, check in CHECKS.items()},
        "the tests in the notebook emptied": {ANSWER: _WRONG},
        "an honest wrong answer": {ANSWER: _WRONG},
        "an honest right answer": {ANSWER: RIGHT},
    },
    metadata={"the tests in the notebook emptied": {"otter": {"OK_FORMAT": True, "tests": {"mean": EMPTY}}}},
)
