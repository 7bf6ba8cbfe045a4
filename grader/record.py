"""Records: what is written to a file or read from one, and what is wrong with one, said in words of our own.

A report, a gradebook, a rule or an `exercise.toml` is a record: a field that nobody knows is refused, since it is a
slip of the pen, or comes from another version.
"""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, ValidationError

from grader.text import listed, plain


class Record(BaseModel):
    """What it does not know is refused."""

    model_config = ConfigDict(extra="forbid")


class Frozen(Record):
    """A record that nobody changes: what a person wrote into a file."""

    model_config = ConfigDict(frozen=True)


# pydantic's kinds of errors, and what a person is told of them. `{…}` are its own fields.
_SAID = {
    "missing": "is missing",
    "extra_forbidden": "is nothing that is known here",
    "string_type": "is {input}, not a text",
    "bool_type": "is {input}, not true or false",
    "bool_parsing": "is {input}, not true or false",
    "int_type": "is {input}, not a whole number",
    "int_parsing": "is {input}, not a whole number",
    "int_from_float": "is {input}, not a whole number",
    "float_type": "is {input}, not a number",
    "float_parsing": "is {input}, not a number",
    "finite_number": "is {input}, not a finite number",
    "tuple_type": "is {input}, not a list",
    "list_type": "is {input}, not a list",
    "dict_type": "is {input}, not a table",
    "mapping_type": "is {input}, not a table",
    "model_type": "is {input}, not a table",
    "greater_than": "is {input}; it has to be above {gt}",
    "greater_than_equal": "is {input}; it has to be at least {ge}",
    "less_than": "is {input}; it has to be below {lt}",
    "less_than_equal": "is {input}; it has to be at most {le}",
    "string_too_short": "is empty, or too short",
    "string_too_long": "is too long",
    "too_short": "has too few entries",
    "too_long": "has too many entries",
    "string_pattern_mismatch": "is {input}, which has characters that do not belong there, or not those that do",
    "literal_error": "is {input}, not {expected}",
    "enum": "is {input}, not {expected}",
}


def first_fault(error: ValidationError) -> str:
    """The first thing that is wrong, as a sentence without its full stop: "`budget.files` is "many", not a …".

    Entries of lists are counted from 1.
    """
    first = error.errors()[0]
    # A choice between words stands in the place itself, if there is anything else that it may be.
    parts = (part for part in first["loc"] if not str(part).startswith("literal["))
    where = ".".join(str(part + 1) if isinstance(part, int) else plain(part, 60) for part in parts)
    context = first.get("ctx", {})
    if first["type"] in ("value_error", "assertion_error"):
        said = plain(str(context.get("error", "")), 200).rstrip(".")
        return f"`{where}`: {said}" if where else said
    known = _SAID.get(first["type"], "is {input}, which does not belong there")
    return f"`{where}` " + known.format_map({**context, "input": _told(first["input"])})


def _told(value: object) -> str:
    """A value as it stands in a TOML file, more or less."""
    match value:
        case bool():
            return str(value).lower()
        case str():
            return f'"{plain(value, 60)}"'
        case int() | float():
            return plain(str(value), 60)
        case list() | tuple():
            return "an empty list" if not value else f"[{listed([_told(one) for one in value[:3]])}]"
        case dict():
            return "a table"
        case None:
            return "nothing"
    return f"a {type(value).__name__}"
