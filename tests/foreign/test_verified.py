"""How many asserts of the fixtures' tests are verified outside the notebook, and how many rest on its word."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.foreign.reference import Asserts, asserts_in, of_fixtures


def test_nine_of_ten_asserts_are_verified_outside(tmp_path: Path) -> None:
    total = Asserts()
    for name, found in of_fixtures(tmp_path):
        print(name, found, *found.why, sep="\n  ")
        total += found
    print(total)
    assert total.outside + total.word > 120
    assert total.share >= 0.9, "\n".join(total.why)


@pytest.mark.parametrize(
    ("code", "form", "number"),
    [
        ("assert f(1) == 2, 'one'\nfor n in (1, 2):\n    assert f(n)", "code", 2),
        ("import numpy as np\nnp.testing.assert_allclose(f(1), 2)\ntc.assertEqual(f(2), 3)", "code", 2),
        ("try:\n    f(-1)\nexcept ValueError:\n    pass\nelse:\n    assert False", "code", 1),
        ("with pytest.raises(ValueError, match='negative'):\n    f(-1)", "code", 1),
        ("score = f(1) / 2\nscore", "code", 1),
        (">>> f(1)\n2\n>>> x = f(2)\n>>> assert x == 3\n", "doctest", 2),
        ("%matplotlib inline\nassert f(1) == 2\nassert f(2) == 3", "code", 2),
    ],
)
def test_what_a_test_states_is_counted(code: str, form: str, number: int) -> None:
    assert asserts_in(code, form) == number
