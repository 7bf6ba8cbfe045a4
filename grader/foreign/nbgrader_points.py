"""How many points a test cell of nbgrader's gives that does not fail."""

from __future__ import annotations

import ast
import math

from grader.sources import parsed


def points_of(value: object, code: str, most: float) -> float | None:
    """The points that a test gives itself; None where it says nothing of them, and gets all.

    nbgrader takes what Jupyter shows of the cell's last line for points, where that is a number. What cannot be points,
    below zero or more than there are, is none here: the notebook may have a say in it.

    Parameters
    ----------
    value
        Of the last line.
    """
    tree = parsed(code)
    if tree is None or not tree.body or not isinstance(tree.body[-1], ast.Expr) or code.rstrip().endswith(";"):
        return None  # nothing is shown
    if type(value) is not int and type(value) is not float:
        return None
    return float(value) if math.isfinite(value) and 0 <= value <= most else 0.0
