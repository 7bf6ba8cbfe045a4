"""How long a notebook's functions are waited for, one question after another."""

from __future__ import annotations

import pickle

import pytest

from grader.kernel.patience import NotAskedAgain, Patience

F, G = ("call", "f"), ("call", "g")


def test_a_loop_has_its_time_once_and_a_short_try() -> None:
    patience = Patience(30)
    assert patience.seconds(F, 30) == 30
    patience.ran_out(F, 30)
    assert patience.seconds(F, 30) == 5
    assert patience.seconds(G, 30) == 30, "another function has its whole time"
    patience.ran_out(F, 5)
    with pytest.raises(NotAskedAgain) as again:
        patience.seconds(F, 30)
    assert again.value.seconds == 30, "how long it had, at the most"
    assert pickle.loads(pickle.dumps(again.value)).seconds == 30


def test_what_is_slow_with_a_large_input_alone_is_asked_on() -> None:
    patience = Patience(30)
    patience.ran_out(F, 30)
    for _ in range(20):
        assert patience.seconds(F, 30) == 5
        patience.answered(F, 0.1)


def test_a_short_try_is_never_so_short_that_a_busy_machine_misses_it() -> None:
    patience = Patience(3)
    patience.ran_out(F, 3)
    assert patience.seconds(F, 3) == 2


def test_what_is_known_to_take_longer_has_longer_for_its_second_try() -> None:
    patience = Patience(30)
    patience.answered(F, 7)
    patience.answered(F, 1)
    patience.ran_out(F, 30)
    assert patience.seconds(F, 30) == 21
    assert patience.seconds(F, 10) == 10, "never more than was asked for"


def test_too_slow_for_a_check_is_not_too_slow_for_all() -> None:
    """A check may give a question less time than usual, to see that a function is quick."""
    patience = Patience(30)
    for _ in range(5):
        patience.ran_out(F, 2)
        assert patience.seconds(F, 30) == 30


def test_all_that_is_waited_for_in_vain_has_a_bound() -> None:
    patience = Patience(30)
    waited = 0.0
    for n in range(100):
        for _ in range(10):
            try:
                seconds = patience.seconds(("call", f"f{n}"), 30)
            except NotAskedAgain:
                break
            patience.ran_out(("call", f"f{n}"), seconds)
            waited += seconds
    # Two have all their time, and a second try; each of the others has one short try.
    assert waited <= 2 * (30 + 5) + 98 * 5
    assert patience.seconds(G, 30) == 5


def test_what_was_slow_once_goes_on_whatever_others_do() -> None:
    patience = Patience(30)
    for name in ("f", "g", "h"):
        patience.ran_out(("call", name), 30)
    assert patience.seconds(F, 30) == 5
    patience.answered(F, 0.1)
    assert patience.seconds(F, 30) == 5


def test_many_short_limits_have_a_bound_too() -> None:
    patience = Patience(30)
    for _ in range(30):
        assert patience.seconds(F, 2) == 2
        patience.ran_out(F, 2)
    assert patience.seconds(G, 30) == 5
    patience.ran_out(F, 2)
    with pytest.raises(NotAskedAgain):
        patience.seconds(F, 2)


def test_all_answers_together_take_no_longer_than_the_cells_may() -> None:
    patience = Patience(30, most=100)
    for _ in range(4):
        assert patience.seconds(F, 30) == 30
        patience.answered(F, 20)
    assert patience.seconds(G, 30) == 20
    patience.ran_out(G, 20)
    with pytest.raises(TimeoutError) as over:
        patience.seconds(F, 30)
    assert not isinstance(over.value, NotAskedAgain)
