"""What the author of an exercise imports: the only package that a `checks.py` needs, and may use, of the grader's.

- `check` makes a check of a function; the :class:`Run` that it gets is the notebook, and answers its questions.
- `expect…`, `fail` and `partial` judge, `ask` and `expect_call` call functions and judge what they give, `number_each`
  and the others of its kind judge what is said of many inputs.
- `softmax` and others compute what is compared with.
- `show` puts a figure beside the check.
- `tr` and `ngettext` say a text in the reader's language.

`docs/authoring.md` has them in tables.
"""

from grader.checks.calls import (
    arrays,
    ask,
    called,
    expect_call,
    formed,
    hint_for,
    lists,
    module_told,
    tensors,
    tensors32,
)
from grader.checks.check import Check, check
from grader.checks.expect import (
    expect,
    expect_accuracy,
    expect_answer,
    expect_close,
    expect_count,
    expect_dtype,
    expect_equal,
    expect_finite,
    expect_keys,
    expect_list,
    expect_number,
    expect_several,
    expect_shape,
    expect_text,
    expect_word,
    fail,
    partial,
)
from grader.checks.oracle import as_shares, cross_entropy, log_softmax, softmax
from grader.checks.predictions import (
    better_by_count,
    better_by_mean,
    better_by_rank,
    expect_each_by_itself,
    expect_whole_list,
    number_each,
    some_visible,
)
from grader.checks.show import confusion, curves, misjudged, show_any_history, show_history
from grader.claims import numeric, refuse_placeholder, shape_told, told, whole_number
from grader.datasets import Digits, RatedReviews, Reviews
from grader.errors import CallFailed, CheckFailed, SubmissionFault, TooSlow, WrongKind
from grader.figures import show
from grader.kernel.wire import InTurn, Opaque, module, tensor
from grader.language import decimal, grouped, ngettext, tr
from grader.run import Run, Trained
from grader.text import listed, percent, plain
from grader.tfevents import Scalar, scalars

__all__ = [
    "CallFailed",
    "Check",
    "CheckFailed",
    "Digits",
    "InTurn",
    "Opaque",
    "RatedReviews",
    "Reviews",
    "Run",
    "Scalar",
    "SubmissionFault",
    "TooSlow",
    "Trained",
    "WrongKind",
    "arrays",
    "as_shares",
    "ask",
    "better_by_count",
    "better_by_mean",
    "better_by_rank",
    "called",
    "check",
    "confusion",
    "cross_entropy",
    "curves",
    "decimal",
    "expect",
    "expect_accuracy",
    "expect_answer",
    "expect_call",
    "expect_close",
    "expect_count",
    "expect_dtype",
    "expect_each_by_itself",
    "expect_equal",
    "expect_finite",
    "expect_keys",
    "expect_list",
    "expect_number",
    "expect_several",
    "expect_shape",
    "expect_text",
    "expect_whole_list",
    "expect_word",
    "fail",
    "formed",
    "grouped",
    "hint_for",
    "listed",
    "lists",
    "log_softmax",
    "misjudged",
    "module",
    "module_told",
    "ngettext",
    "number_each",
    "numeric",
    "partial",
    "percent",
    "plain",
    "refuse_placeholder",
    "scalars",
    "shape_told",
    "show",
    "show_any_history",
    "show_history",
    "softmax",
    "some_visible",
    "tensor",
    "tensors",
    "tensors32",
    "told",
    "tr",
    "whole_number",
]
