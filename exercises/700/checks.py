"""Exercise 700: texts become words, indices, rows of a table and vectors, as Keras documents it.

The oracle is written from Keras' documentation and source (`keras/src/legacy/preprocessing/text.py`,
`keras/src/utils/sequence_utils.py`). Each step is judged on inputs that need no other step to be right: the
vocabulary on texts of lower-case words with single spaces, the sequences with a vocabulary of the grader's.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from grader.checks import (
    check,
    expect,
    expect_close,
    expect_count,
    expect_dtype,
    fail,
    numeric,
    refuse_placeholder,
    tensor,
    told,
    tr,
    whole_number,
)
from grader.errors import CallFailed, SubmissionFault
from grader.text import number, plain

if TYPE_CHECKING:
    from grader.run import Run

FILTERS = '!"#$%&()*+,-./:;<=>?@[\\]^_`{|}~\t\n'
OTHERS = "'’”–…€§5é\u0308"  # not filtered, though many a regular expression would; the last one joins its letter
COMMON = ["The film", "Ja se", "It was not", "Ei ole", "A hero and an", "On hyvä, että"]  # untranslated
OOV_TOKENS = ["<OOV>", "<UNK>", "[Tuntematon]", "Ö?"]

EVERY_WORD = tr("Go through the texts again: each word of each of them counts, every time that it occurs.")
SPLIT = tr("Replace each character of FILTERS by a space, then split at the spaces.")
LOOK_UP = tr("Look each word up in the `word_index` that is passed in, and keep the order of the text.")
KEPT = tr("Is it from an earlier call? Begin with an empty dict or Counter inside of the function, each time.")
OFF_BY_ONE = tr("Index 0 is one of the `num_words`: only the words whose index is below `num_words` are used.")


# ------------------------------------------------------------------------------ what Keras would give


def words_of(text: str) -> list[str]:
    text = text.lower().translate({ord(character): " " for character in FILTERS})
    return [word for word in text.split(" ") if word]


def index_of(texts: Sequence[str], oov_token: str | None = None) -> dict[str, int]:
    counts = Counter(word for text in texts for word in words_of(text))
    words = sorted(counts, key=counts.__getitem__, reverse=True)  # stable: the first seen of equals stays first
    return {word: i for i, word in enumerate(words if oov_token is None else [oov_token, *words], 1)}


def sequence_of(
    text: str, word_index: dict[str, int], num_words: int | None = None, oov_token: str | None = None
) -> list[int]:
    used = {word: i for word, i in word_index.items() if num_words is None or i < num_words}
    indices = [used.get(word, word_index.get(oov_token or "")) for word in words_of(text)]
    return [index for index in indices if index is not None]


def padded(
    sequences: list[list[int]],
    maxlen: int | None = None,
    padding: str = "pre",
    truncating: str = "pre",
    value: int = 0,
) -> np.ndarray:
    length = max(map(len, sequences)) if maxlen is None else maxlen
    rows = np.full((len(sequences), length), value)
    for row, sequence in zip(rows, sequences, strict=True):
        surplus = max(0, len(sequence) - length)
        kept = sequence[surplus:] if truncating == "pre" else sequence[: len(sequence) - surplus]
        start = length - len(kept) if padding == "pre" else 0
        row[start : start + len(kept)] = kept
    return rows


# -------------------------------------------------------------------------------------- texts to try


def some_words(run: Run, n: int, vowels: str = "aeiouy") -> list[str]:
    """Different made-up words in lower case, in random order."""
    words: set[str] = set()
    while len(words) < n:
        letters = ["hjklmnprstv", vowels] * int(run.rng.integers(2, 4))
        words.add("".join(str(run.rng.choice(list(some))) for some in letters))
    return run.rng.permutation(sorted(words)).tolist()


def finnish_words(run: Run, n: int) -> list[str]:
    """The same with ä, ö and å in them."""
    return [f"{letter}{word}" for letter, word in zip("äöå" * n, some_words(run, n, "aeiouyäöå"), strict=False)]


def in_texts(run: Run, words: Sequence[str], n: int) -> list[str]:
    """The words in n texts, in their order, each text with a word or more in it."""
    cuts = np.sort(run.rng.choice(np.arange(1, len(words)), size=n - 1, replace=False)).tolist()
    return [" ".join(words[a:b]) for a, b in pairwise([0, *cuts, len(words)])]


# ----------------------------------------------------------------------------------- how it is judged


def ask(
    run: Run, name: str, shown: str, *args: Any, words: Sequence[str] = (), unchanged: bool = False, **options: Any
) -> tuple[str, Any]:
    """How the call looks, and what it gives.

    Parameters
    ----------
    words
        Texts of which right words stand in for the notebook's own, where these are wrong.
    """
    what = f"`{name}({', '.join([shown, *(f'{option}={value!r}' for option, value in options.items())])})`"
    given = {"text_to_word_sequence": [(text, words_of(text)) for text in words]} if words else None
    found = run.call(name, *args, given=given, unchanged=unchanged, **options)
    refuse_placeholder(found, what)
    return what, found


def words_are_wrong(run: Run) -> bool:
    """Whether `text_to_word_sequence` gives something else than the words of simple texts, one after the other."""
    a, b, c = some_words(run, 3)
    try:
        expect_words(run, f"{a} {b} {c} {a}")
    except SubmissionFault:
        return True
    return False


def in_their_place(run: Run, texts: Sequence[str]) -> Sequence[str]:
    """Texts whose words have to be put in the place of the notebook's, for the next step to be judged by itself."""
    return texts if run.once(words_are_wrong) and run.has("text_to_word_sequence") else ()


def expect_words(run: Run, text: str) -> None:
    """`text_to_word_sequence` of this text."""
    what, found = ask(run, "text_to_word_sequence", repr(text), text)
    if isinstance(found, np.ndarray) and found.size == 0:
        found = []
    listed = type(found) in (list, tuple) and all(type(word) is str for word in found)
    message = tr("{what} is {found}, not a list of words.", what=what, found=told(found))
    expect(listed, message, tr("It gives a list of texts, one for each word."))
    right = words_of(text)
    if list(found) != right:
        shared = next((n for n, (a, b) in enumerate(zip(found, right, strict=False)) if a != b), None)
        given = {"what": what, "found": plain(str(list(found)), 150)}
        if shared is not None:
            fail(tr("{what} is {found}; word {n} is not right.", n=shared + 1, **given))
        fail(tr("{what} is {found}; there should be {n} words.", n=len(right), **given))


def vocabulary(run: Run, texts: list[str], words: Sequence[str] = (), **options: str) -> dict[str, int]:
    """`fit_on_texts` of these texts, if it has the words that it should have, whatever their numbers.

    `words` as for :func:`ask`.
    """
    what, found = ask(run, "fit_on_texts", "texts", texts, words=words, **options)
    of_words = type(found) is dict and all(type(word) is str for word in found)
    message = tr("{what} is {found}, not a dict from words to numbers.", what=what, found=told(found))
    expect(of_words, message, tr("The words are its keys."))
    expected = index_of(texts, **options)
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


def expect_index(run: Run, texts: list[str], hint: str = "", **options: str) -> None:
    """`fit_on_texts` of these texts."""
    found = vocabulary(run, texts, in_their_place(run, texts), **options)
    for word, right in index_of(texts, **options).items():
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
    shown = "texts, word_index"  # untranslated
    words = () if own_words else in_their_place(run, texts)
    what, found = ask(run, "texts_to_sequences", shown, texts, word_index, words=words, unchanged=True, **options)
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
        expected = sequence_of(text, word_index, **options)
        message = tr(
            "{what} gives [{found}] for {text}; the indices of its words are {indices}.",
            what=what,
            found=", ".join(map(number, numbers.ravel()[:30].tolist())),
            text=repr(text),
            indices={word: word_index.get(word) for word in dict.fromkeys(words_of(text))},
        )
        expect(np.array_equal(numbers, expected), message, hint)


def expect_rows(run: Run, sequences: list[list[int]], hint: str = "", **options: Any) -> None:
    """`pad_sequences` of these sequences."""
    what, found = ask(run, "pad_sequences", str(sequences), sequences, **options)
    expect_close(found, padded(sequences, **options), what=what, rtol=0, atol=1e-6, hint=hint)


def some_sequences(run: Run, *lengths: int) -> list[list[int]]:
    return [run.rng.integers(1, 100, size=n).tolist() for n in lengths]


def expect_array(found: Any, what: str) -> None:
    """Fail unless this is an array or a tensor: a list of lists picks no rows of a table."""
    message = tr("{what} is {found}, not a NumPy array or a tensor.", what=what, found=told(found))
    expect(isinstance(found, np.ndarray), message, tr("`np.array` or `torch.tensor` makes a table of lists."))


def on_tensors(run: Run, name: str, *args: Any) -> Any:
    """The function's answer to arrays as tensors; to arrays where it takes no tensors."""
    try:
        return run.call(name, *(tensor(arg) if isinstance(arg, np.ndarray) else arg for arg in args))
    except CallFailed as fault:
        try:
            return run.call(name, *args)
        except CallFailed:
            raise fault from None


# ------------------------------------------------------------------------------------------- checks


@check(points=1, hint=tr("`text.lower()` knows Ä, Ö and Å as well."))
def words_are_in_lower_case(run: Run) -> None:
    """`text_to_word_sequence` gives the words in order and in lower case."""
    words = finnish_words(run, 6)
    for changed in (str.upper, str.capitalize, str.swapcase, str.lower):
        expect_words(run, " ".join(changed(word) for word in run.rng.permutation(words).tolist()))
    a, b, c = some_words(run, 3)
    expect_words(run, f"{a} {b.upper()} {a} {c} {a.capitalize()} {b}")  # a word that comes again is there again
    expect_words(
        run, f"{COMMON[int(run.rng.integers(len(COMMON)))]} {a} i {b}"
    )  # nor is any word too short, or too common
    expect_words(run, f"{a}ß {b.upper()}ß{c}")  # ß is a small letter already: to `casefold` it is ss


@check(points=1, hint=SPLIT)
def filtered_characters_separate_words(run: Run) -> None:
    """`text_to_word_sequence` splits at every character of `FILTERS`."""
    a, b, c = some_words(run, 3)
    for character in run.rng.permutation(list(FILTERS)).tolist():
        expect_words(run, f"{a}{character}{b} {character}{c}{character}")


@check(points=1, hint=tr("It is not in FILTERS, so it stays, and belongs to the word like any letter."))
def other_characters_stay(run: Run) -> None:
    """`text_to_word_sequence` keeps every character that is not in `FILTERS`."""
    a, b, c = some_words(run, 3)
    for character in run.rng.permutation(list(OTHERS)).tolist():
        expect_words(run, f"{a}{character}{b} {c}{character}")
    year, small = run.rng.integers(1900, 2100), run.rng.integers(10)
    expect_words(run, f"{a} {year} {b} {small} {c}{small} {small}{a}")  # digits are characters, too


@check(points=1, needs=[words_are_in_lower_case], hint=tr("`'a  b'.split(' ')` gives an empty word: leave such out."))
def no_word_is_empty(run: Run) -> None:
    """`text_to_word_sequence` gives no empty words, and an empty list for a text without words."""
    a, b = some_words(run, 2)
    for text in ("", " ", f"  {a}   {b} ", "   ", a, f"{b} "):
        expect_words(run, text)


@check(points=2, hint=tr("Count every occurrence in all the texts; the most frequent word gets index 1."))
def frequent_words_come_first(run: Run) -> None:
    """`fit_on_texts` numbers all words from 1 on, the most frequent first."""
    for _ in range(3):
        words = some_words(run, 7)
        counts = run.rng.permutation(np.arange(1, 7)).tolist()
        several = run.rng.permutation(np.repeat(words[1:], counts)).tolist()
        # The most frequent word is in one text only: it does not matter how many texts a word is in.
        texts = [*in_texts(run, several, 4), " ".join(words[:1] * 8)]
        expect_index(run, run.rng.permutation(texts).tolist())


@check(
    points=1, needs=[frequent_words_come_first], hint=tr("Of equally frequent words, the first one seen comes first.")
)
def ties_go_to_the_first_seen(run: Run) -> None:
    """`fit_on_texts` numbers equally frequent words in the order in which they were first seen."""
    for times in (1, 2):
        words = some_words(run, 8)
        again = run.rng.permutation([*words[:5], *np.repeat(words, times - 1)]).tolist()
        expect_index(run, in_texts(run, [*words, *again], 4))


@check(points=1, hint=LOOK_UP)
def sequences_follow_the_texts(run: Run) -> None:
    """`texts_to_sequences` gives each text's indices, in the order of the words, and none for an empty text."""
    for _ in range(3):
        words = some_words(run, 9)
        word_index = {word: i for i, word in enumerate(words, 1)}
        first, *texts = in_texts(run, run.rng.choice(words, size=14).tolist(), 4)
        expect_sequences(run, [first, "", *texts], word_index)


@check(points=1, needs=[sequences_follow_the_texts])
def unknown_words_are_left_out(run: Run) -> None:
    """`texts_to_sequences` leaves out words that are not in `word_index`."""
    hint = tr("Without an `oov_token` an unknown word leaves no trace: no 0, no None, and no error.")
    words = some_words(run, 9)
    word_index = {word: i for i, word in enumerate(words[:5], 1)}
    texts = in_texts(run, run.rng.permutation(words + words).tolist(), 4)
    expect_sequences(run, [*texts, " ".join(words[5:])], word_index, hint)


@check(points=2, needs=[sequences_follow_the_texts], hint=OFF_BY_ONE)
def num_words_limits_the_sequences(run: Run) -> None:
    """`texts_to_sequences` uses only the words whose index is below `num_words`."""
    words = some_words(run, 8)
    word_index = {word: i for i, word in enumerate(words, 1)}
    texts = in_texts(run, run.rng.permutation(words + words).tolist(), 4)
    for num_words in (int(run.rng.integers(3, 8)), 8, 9, 1, 100, None):
        expect_sequences(run, texts, word_index, num_words=num_words)


@check(points=1, needs=[frequent_words_come_first, sequences_follow_the_texts])
def oov_token_stands_for_the_others(run: Run) -> None:
    """With an `oov_token`, index 1 is its own, and it replaces unknown words and those beyond `num_words`."""
    token = str(run.rng.choice(OOV_TOKENS))
    words = some_words(run, 9)
    texts = [" ".join(words[i:6]) for i in range(6)]
    hint = tr("The token gets index 1, just as it is written, and the words begin at 2.")
    expect_index(run, texts[::-1], hint, oov_token=token)
    word_index = {word: i for i, word in enumerate([token, *words[:6]], 1)}
    texts = in_texts(run, run.rng.permutation(words + words).tolist(), 4)
    hint = tr("Where a word is unknown, or its index is not below `num_words`, the token's index stands in its place.")
    for num_words in (None, int(run.rng.integers(3, 7)), 7):
        expect_sequences(run, texts, word_index, hint, num_words=num_words, oov_token=token)


@check(
    points=1,
    needs=[filtered_characters_separate_words, other_characters_stay, no_word_is_empty, sequences_follow_the_texts],
    hint=tr("Let both functions cut their texts with `text_to_word_sequence`."),
)
def every_step_uses_the_same_words(run: Run) -> None:
    """`fit_on_texts` and `texts_to_sequences` cut texts into words as `text_to_word_sequence` does."""
    forms = [str.upper, str.capitalize, "{}!".format, "({}),".format, "{}'s".format, "{}-x".format, "{}-2024".format]
    for _ in range(3):
        words = run.rng.choice(finnish_words(run, 8), size=20).tolist()
        first, *texts = in_texts(run, [str(run.rng.choice(forms)(word)) for word in words], 4)
        texts = [first, "", *texts, " ?!\t"]
        vocabulary(run, texts)
        expect_sequences(run, texts, index_of(texts), own_words=True)
    expect(not vocabulary(run, ["", " "]), tr("`fit_on_texts(['', ' '])` is not an empty dict."), SPLIT)


@check(points=1, hint=tr("Shorter sequences get zeros in front of them, until they are as long as the longest one."))
def short_sequences_are_filled_at_the_front(run: Run) -> None:
    """`pad_sequences` fills shorter sequences up with 0 at the front."""
    expect_rows(run, some_sequences(run, 3, 1, 4, 2))
    expect_rows(run, some_sequences(run, 2, 5, 3), maxlen=None)
    expect_rows(run, some_sequences(run, 3, 1, 2), tr("With `maxlen`, all rows have that length."), maxlen=5)


@check(points=1, hint=tr("A longer sequence keeps its last `maxlen` numbers."))
def long_sequences_lose_their_front(run: Run) -> None:
    """`pad_sequences` cuts longer sequences off at the front."""
    for maxlen in (3, 1):
        expect_rows(run, some_sequences(run, 5, 3, 8, 4), maxlen=maxlen)


@check(points=1, needs=[short_sequences_are_filled_at_the_front, long_sequences_lose_their_front])
def the_other_end_can_be_chosen(run: Run) -> None:
    """`pad_sequences` fills and cuts off at the end, each by itself, and with another value, where asked to."""
    hint = tr("`padding` says where to fill up, `truncating` where to cut off, and `value` what to fill up with.")
    for padding, truncating, value in [("post", "post", 0), ("post", "pre", -1), ("pre", "post", 7)]:
        sequences = some_sequences(run, *run.rng.permutation([2, 3, 6, 4]).tolist())
        expect_rows(run, sequences, hint, maxlen=4, padding=padding, truncating=truncating, value=value)
    expect_rows(run, some_sequences(run, 1, 3, 2), hint, padding="post")


@check(points=1, needs=[short_sequences_are_filled_at_the_front])
def empty_sequences_become_padding(run: Run) -> None:
    """`pad_sequences` makes a row of padding of an empty sequence."""
    hint = tr("An empty sequence is a row like any other, with padding in all its places.")
    expect_rows(run, some_sequences(run, 3, 0, 2, 0), hint)
    expect_rows(run, some_sequences(run, 0, 5, 1), hint, maxlen=6)
    expect_rows(run, some_sequences(run, 0, 0), hint, maxlen=4)


@check(
    points=1,
    needs=[short_sequences_are_filled_at_the_front],
    hint=tr("Give the table a dtype such as `np.int64` or `torch.long` when you make it."),
)
def rows_are_whole_numbers(run: Run) -> None:
    """`pad_sequences` gives a new table of an integer dtype, which can pick an embedding's rows."""
    shorter: dict[str, Any] = {"maxlen": 2}  # cutting off may change a list where filling up does not
    for options in ({}, shorter, {**shorter, "padding": "post", "truncating": "post"}):
        sequences = [[20_000 + index for index in sequence] for sequence in some_sequences(run, 3, 1, 2)]
        what, found = ask(run, "pad_sequences", str(sequences), sequences, unchanged=True, **options)
        expect_array(found, what)
        expect_dtype(found, "int", what)
        hint = tr("A vocabulary may have tens of thousands of words: the dtype has to be wide enough.")
        if not options:  # what is cut off where is judged elsewhere
            expect_close(found, padded(sequences), what=what, rtol=0, atol=1e-6, hint=hint)


@check(points=1, hint=tr("Each number becomes a vector that is 1 in the place of this number and 0 in all others."))
def one_hot_is_right(run: Run) -> None:
    """`one_hot` gives (batch, length, num_words): a 1 in the place of each index, and zeros."""
    for shape in [(4, 5), (1, 4), (3, 1)]:
        num_words = int(run.rng.integers(6, 12))
        rows = run.rng.integers(0, num_words - 1, size=shape)
        rows[0, 0] = 0
        if len(rows) < 4:  # the last word need not occur, but it may
            rows[-1, -1] = num_words - 1
        found = on_tensors(run, "one_hot", rows, num_words)
        what = tr("`one_hot(rows, {num_words})` of rows {shape}", num_words=num_words, shape=shape)
        refuse_placeholder(found, what)
        expect_array(found, what)
        expect_close(found, np.eye(num_words)[rows], what=what)


@check(points=1, hint=tr("The number picks the row of the table, counted from 0."))
def embed_is_right(run: Run) -> None:
    """`embed` gives (batch, length, dim): the row of the table for each index."""
    for shape in [(4, 5), (1, 4), (3, 1)]:
        num_words, dim = (int(n) for n in run.rng.choice(np.arange(6, 20), size=2, replace=False))
        rows = run.rng.integers(0, num_words, size=shape)
        table = run.rng.normal(size=(num_words, dim)).astype(np.float32)
        found = on_tensors(run, "embed", rows, table)
        what = tr("`embed(rows, table)` of rows {rows}, table {table}", rows=shape, table=table.shape)
        refuse_placeholder(found, what)
        expect_array(found, what)
        expect_close(found, table[rows], what=what)


@check(points=1)
def embedding_model_is_counted(run: Run) -> None:
    """`embedding_model_parameters` counts the table, the weights of `Dense(1)` and its bias."""
    hint = tr("The table has `dim` numbers for each word; Dense(1) reads all numbers that Flatten lays side by side.")
    for num_words, dim, length in run.rng.integers(11, 400, size=(3, 3)).tolist():
        what, found = ask(run, "embedding_model_parameters", f"{num_words}, {dim}, {length}", num_words, dim, length)
        expect_count(found, num_words * dim + length * dim + 1, what=what, hint=hint)


@check(points=1)
def one_hot_model_is_counted(run: Run) -> None:
    """`one_hot_model_parameters` counts the weights of `Dense(1)` and its bias."""
    hint = tr("How many numbers does Flatten lay side by side, when each place of a row is a one-hot vector?")
    for num_words, length in run.rng.integers(11, 400, size=(3, 2)).tolist():
        what, found = ask(run, "one_hot_model_parameters", f"{num_words}, {length}", num_words, length)
        expect_count(found, num_words * length + 1, what=what, hint=hint)
