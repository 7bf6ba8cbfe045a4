"""The functions of texts, each asked and judged by itself, whatever is wrong with the one before it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from grader.checks import (
    Run,
    SubmissionFault,
    ask,
    called,
    expect,
    fail,
    numeric,
    plain,
    refuse_placeholder,
    told,
    tr,
    whole_number,
)

from .keras import index_of, sequence_of, words_of
from .texts import some_words

EVERY_WORD = tr("Go through the texts again: each word of each of them counts, every time that it occurs.")
SPLIT = tr("Replace each character of FILTERS by a space, then split at the spaces.")
KEPT = tr("Is it from an earlier call? Begin with an empty dict or Counter inside of the function, each time.")


def expect_words(run: Run, text: str) -> None:
    """`text_to_word_sequence` of this text."""
    what = called("text_to_word_sequence", text)
    found = ask(run, "text_to_word_sequence", text)
    refuse_placeholder(found, what)
    if isinstance(found, np.ndarray) and found.size == 0:
        found = []
    of_texts = type(found) in (list, tuple) and all(type(word) is str for word in found)
    message = tr("{what} is {found}, not a list of words.", what=what, found=told(found))
    expect(of_texts, message, tr("It gives a list of texts, one for each word."))
    right = words_of(text)
    if list(found) != right:
        shared = next((n for n, (a, b) in enumerate(zip(found, right, strict=False)) if a != b), None)
        given = {"what": what, "found": plain(str(list(found)), 150)}
        if shared is not None:
            fail(tr("{what} is {found}; word {n} is not right.", n=shared + 1, **given))
        fail(tr("{what} is {found}; there should be {n} words.", n=len(right), **given))


def words_are_wrong(run: Run) -> bool:
    """Whether `text_to_word_sequence` gives something else than the words of simple texts, one after the other."""
    a, b, c = some_words(run, 3)
    try:
        expect_words(run, f"{a} {b} {c} {a}")
    except SubmissionFault:
        return True
    return False


def right_words(run: Run, texts: Sequence[str]) -> dict[str, Any]:
    """What is put in the place of the notebook's words of these texts, where those are wrong: see `Run.call`."""
    if run.once(words_are_wrong) and run.has("text_to_word_sequence"):
        return {"text_to_word_sequence": [(text, words_of(text)) for text in texts]}
    return {}


def typed(name: str, args: str, options: Mapping[str, object]) -> str:
    """A call as one types it, with names for what is told apart from it."""
    return f"`{name}({', '.join([args, *(f'{option}={value!r}' for option, value in options.items())])})`"


def vocabulary(
    run: Run, texts: list[str], given: Mapping[str, Any] | None = None, oov_token: str | None = None
) -> dict[str, int]:
    """`fit_on_texts` of these texts, if it has the words that it should have, whatever their numbers."""
    options: dict[str, Any] = {} if oov_token is None else {"oov_token": oov_token}
    what = typed("fit_on_texts", "texts", options)
    found = ask(run, "fit_on_texts", texts, given=given, **options)
    refuse_placeholder(found, what)
    of_words = type(found) is dict and all(type(word) is str for word in found)
    message = tr("{what} is {found}, not a dict from words to numbers.", what=what, found=told(found))
    expect(of_words, message, tr("The words are its keys."))
    expected = index_of(texts, oov_token)
    missing = next((word for word in expected if word not in found), None)
    message = tr("{what} has no index for “{word}”, with texts = {texts}.", what=what, word=missing, texts=texts)
    expect(missing is None, message, EVERY_WORD)
    strange = next((word for word in found if word not in expected), None)
    if strange is not None:
        there = {"what": what, "word": plain(strange, 60), "texts": texts}
        # A word of which nothing stands in these texts was in those of an earlier call.
        kept = len(strange) > 1 and strange.lower() not in " ".join(texts).lower()
        fail(tr("{what} has the word “{word}”, which is not in texts = {texts}.", **there), KEPT if kept else SPLIT)
    return {word: whole_number(index, f"{what}[{word!r}]") for word, index in found.items()}


def expect_index(run: Run, texts: list[str], hint: str = "", oov_token: str | None = None) -> None:
    """`fit_on_texts` of these texts."""
    found = vocabulary(run, texts, right_words(run, texts), oov_token)
    for word, right in index_of(texts, oov_token).items():
        message = tr(
            "`fit_on_texts` gives “{word}” the index {found} with texts = {texts}, which is not right.",
            word=word,
            found=plain(str(found[word]), 40),
            texts=texts,
        )
        expect(found[word] == right, message, hint)


def expect_sequences(
    run: Run, texts: list[str], word_index: dict[str, int], hint: str = "", own_words: bool = False, **options: Any
) -> None:
    """`texts_to_sequences` of these texts; with `own_words` as the notebook cuts them, right or wrong."""
    what = typed("texts_to_sequences", "texts, word_index", options)  # untranslated
    given = None if own_words else right_words(run, texts)
    found = ask(run, "texts_to_sequences", texts, word_index, given=given, unchanged=True, **options)
    refuse_placeholder(found, what)
    expect(
        type(found) in (list, tuple) or (isinstance(found, np.ndarray) and found.ndim > 0),
        tr("{what} is {found}, not a list of lists.", what=what, found=told(found)),
        tr("It gives a list with one list of indices for each text."),
    )
    many = tr("{what} gives {found} sequences for {n} texts.", what=what, found=len(found), n=len(texts))
    expect(len(found) == len(texts), many, tr("Each text has its own sequence, and an empty text an empty one."))
    for text, sequence in zip(texts, found, strict=True):
        nothing = isinstance(sequence, list | tuple) and any(index is None for index in sequence)
        message = tr("{what} has None for a word of the text {text}.", what=what, text=repr(text))
        expect(not nothing, message, tr("`dict.get` gives None for a word that it does not have: test for it."))
        numbers = numeric(sequence, tr("{what} for the text {text}", what=what, text=repr(text)))
        message = tr(
            "{what} gives [{found}] for {text}; the indices of its words are {indices}.",
            what=what,
            found=", ".join(map(told, numbers.ravel()[:30].tolist())),
            text=repr(text),
            indices={word: word_index.get(word) for word in dict.fromkeys(words_of(text))},
        )
        expect(np.array_equal(numbers, sequence_of(text, word_index, **options)), message, hint)
