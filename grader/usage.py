"""What the command says of itself, in the language that is spoken: its help, and what is wrong with a command line.

The command-line library speaks English only. Commands that are teachers' and authors' do, too.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from grader.language import LANGUAGES, mark, preferred, speak, spoken, tr
from grader.text import plain

# Commands whose every word may be a student's to read.
SPOKEN = {"notebook", "list", "status", "completion", "doctor", "data"}

# The library's own words: those that it puts around ours, and its own options.
_AROUND = {
    "ARGUMENTS_PANEL_TITLE": mark("Arguments"),
    "OPTIONS_PANEL_TITLE": mark("Options"),
    "COMMANDS_PANEL_TITLE": mark("Commands"),
    "DEFAULT_STRING": mark("[default: {}]"),
    "REQUIRED_LONG_STRING": mark("[required]"),
}
_ITS_OPTIONS = (
    mark("Show this message and exit."),
    mark("Install completion for the current shell."),
    mark("Show completion for the current shell, to copy it or customize the installation."),
)
_CHOICES = re.compile(r"'(?P<value>.*)' is not one of (?P<choices>.*)", re.DOTALL)


def asked_for(args: Sequence[str]) -> str:
    """The language that a command line asks for with ``--lang``, else that of whoever sits here."""
    for one, following in pairwise([*args, ""]):
        option, _, value = one.partition("=")
        if option == "--lang" and (value or following) in LANGUAGES:
            return value or following
    return preferred()


def open_at(group: Any, args: Sequence[str]) -> None:
    """Have the help of a group of commands ready, for a command line that begins with a command's name or an option.

    A command that is not spoken in other languages brings the language back to English.
    """
    if args and args[0] in group.commands and args[0] not in SPOKEN:
        speak("en")
    if spoken() == "en":
        return
    from typer import rich_utils

    for name, text in _AROUND.items():
        setattr(rich_utils, name, tr(text))
    _translate(group)


def _translate(command: Any) -> None:
    """Put the help of a command, its options and its commands into the language that is spoken."""
    if command.help:
        command.help = tr(command.help)
    in_english = command.get_usage
    command.get_usage = lambda ctx: in_english(ctx).replace("Usage: ", tr("Usage: "), 1)
    get_params = command.get_params

    def params(ctx: Any) -> list[Any]:  # --help itself is made as late as this
        found: list[Any] = get_params(ctx)
        for param in found:
            if text := getattr(param, "help", None):
                param.help = tr(text)
        return found

    command.get_params = params
    for one in getattr(command, "commands", {}).values():
        _translate(one)


def complaint(error: Any) -> str:
    """What is wrong with a command line, from the library's error.

    In English it is the library's own sentence; in other languages one of ours for each kind of error.
    """
    wrong = f"{error.format_message().rstrip('.')}." if spoken() == "en" else _ours(error)
    return tr("{wrong} See `grade --help`.", wrong=wrong)


def _ours(error: Any) -> str:
    known = getattr(getattr(error, "param", None), "opts", [])
    option = plain(getattr(error, "option_name", "") or max(known, key=len, default=""))
    found = _CHOICES.search(str(getattr(error, "message", "")))
    match type(error).__name__:
        case "NoSuchOption":
            return tr("There is no option `{option}`.", option=option)
        case "NoSuchCommand":
            return tr("There is no such command.")
        case "MissingParameter":
            return tr("`{option}` is missing.", option=option)
        case "BadParameter" if found is not None:
            choices = found["choices"].replace("'", "").rstrip(".")
            return tr(
                "`{option}`: {value} is none of {choices}.", option=option, value=plain(found["value"]), choices=choices
            )
        case "BadParameter":
            return tr("`{option}` cannot have this value.", option=option)
        case "BadOptionUsage":
            return tr("`{option}` does not stand as it should: a value is missing, or one too many.", option=option)
    return tr("The command cannot be understood.")
