"""How a notebook that has run is written: to the letter as nbformat does."""

from __future__ import annotations

from typing import Any

import nbformat
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from grader.authoring import read_reference
from grader.exercise import every_exercise
from grader.result_files import notebook_text
from tests.conftest import ROOT

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20) | st.sampled_from(
    ["a\nb", "\r\n", "x\x0by\u2028", ""]
)
DATA = st.dictionaries(
    st.sampled_from(["text/plain", "text/html", "image/png", "image/svg+xml", "application/json"]), TEXT, max_size=3
)
OUTPUTS = st.one_of(
    st.builds(lambda text: {"output_type": "stream", "name": "stdout", "text": text}, TEXT),
    st.builds(lambda data: {"output_type": "display_data", "data": data, "metadata": {}}, DATA),
    st.builds(
        lambda data, n: {"output_type": "execute_result", "data": data, "metadata": {}, "execution_count": n},
        DATA,
        st.none() | st.integers(0, 9),
    ),
    st.builds(
        lambda name, lines: {"output_type": "error", "ename": name, "evalue": "", "traceback": lines},
        TEXT,
        st.lists(TEXT, max_size=3),
    ),
)
CELLS = st.one_of(
    st.builds(
        lambda source, outputs, n: {
            "id": "a",
            "cell_type": "code",
            "metadata": {},
            "source": source,
            "outputs": outputs,
            "execution_count": n,
        },
        TEXT,
        st.lists(OUTPUTS, max_size=4),
        st.none() | st.integers(0, 99),
    ),
    st.builds(
        lambda source, more: (
            {"id": "b", "cell_type": "markdown", "metadata": {"tags": ["x"], "n": 1.5}, "source": source} | more
        ),
        TEXT,
        st.just({}) | st.builds(lambda data: {"attachments": {"p.png": data}}, DATA),
    ),
)


def as_nbformat_does(notebook: Any) -> None:
    assert notebook_text(notebook) == nbformat.writes(nbformat.from_dict(notebook), ensure_ascii=True)


@settings(max_examples=200, deadline=2000, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(CELLS, max_size=4))
def test_any_notebook(cells: list[dict[str, Any]]) -> None:
    metadata = {"language_info": {"name": "python"}}
    cells = [cell | {"id": f"cell-{number}"} for number, cell in enumerate(cells)]
    as_nbformat_does({"nbformat": 4, "nbformat_minor": 5, "metadata": metadata, "cells": cells})


def test_references() -> None:
    for exercise in every_exercise(ROOT):
        as_nbformat_does(read_reference(exercise))
