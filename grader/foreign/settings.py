"""Settings that an assignment's author wrote as YAML: plain values and nothing else, within limits."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import yaml

from grader.errors import UsageError
from grader.text import plain

_MOST = 100_000  # characters
_DEEPEST = 200  # brackets in a row: the parser takes quadratic time on them


def settings(text: str, what: str) -> Mapping[str, Any]:
    """What a piece of YAML says.

    An alias is refused: what is told once and meant many times may grow without end.

    Raises
    ------
    UsageError
        It is no YAML, is too long, or is no list of names with values.
    """
    advice = "Correct it."
    try:
        if len(text) > _MOST:
            raise UsageError(f"{what} are too long.", advice)
        if re.search(rf"(?:[\[{{]\s*){{{_DEEPEST}}}", text):
            raise UsageError(f"{what} are no YAML: they are nested too deep.", advice)
        if any(isinstance(event, yaml.AliasEvent) for event in yaml.parse(text, yaml.SafeLoader)):
            raise UsageError(f"{what} have an alias.", "Write out what it stands for.")
        said = yaml.safe_load(text)
    except (yaml.YAMLError, RecursionError, ValueError, TypeError) as error:
        raise UsageError(f"{what} are no YAML: {plain(str(error), 200)}.", advice) from None
    if said is None:
        return {}
    if not isinstance(said, dict):
        raise UsageError(f"{what} are no list of names with values.", advice)
    return {str(key): value for key, value in said.items()}


def value_in(said: Mapping[str, Any], *path: str) -> object:
    """A value within settings; None where there is none."""
    value: object = said
    for one in path:
        value = value.get(one) if isinstance(value, dict) else None
    return value
