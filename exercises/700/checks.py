"""Exercise 700: texts become words, indices, rows of a table and vectors, as Keras documents it.

Each step is judged on what needs no other to be right: texts of lower-case words, a vocabulary of the grader's.
"""

from __future__ import annotations

import numpy as np

from grader.checks import Run, called, check, expect, expect_call, expect_close, tr

from .keras import FILTERS, index_of, padded
from .steps import SPLIT, expect_index, expect_sequences, expect_words, vocabulary
from .tables import expect_rows, expect_vectors, table_of, value_is_filled_in
from .texts import COMMON, OOV_TOKENS, OTHERS, finnish_words, in_texts, mixed, numbered, some_sequences, some_words

OFF_BY_ONE = tr("Index 0 is one of the `num_words`: only the words whose index is below `num_words` are used.")


@check(points=1, hint=tr("`text.lower()` knows Ä, Ö and Å as well."))
def words_are_in_lower_case(run: Run) -> None:
    """`text_to_word_sequence` gives the words in order and in lower case."""
    words = finnish_words(run, 6)
    for changed in (str.upper, str.capitalize, str.swapcase, str.lower):
        expect_words(run, " ".join(map(changed, mixed(run, words))))
    a, b, c = some_words(run, 3)
    expect_words(run, f"{a} {b.upper()} {a} {c} {a.capitalize()} {b}")  # a word that comes again is there again
    expect_words(run, f"{run.rng.choice(COMMON)} {a} i {b}")  # nor is any word too short, or too common
    expect_words(run, f"{a}ß {b.upper()}ß{c}")  # ß is a small letter already: to `casefold` it is ss


@check(points=1, hint=SPLIT)
def filtered_characters_separate_words(run: Run) -> None:
    """`text_to_word_sequence` splits at every character of `FILTERS`."""
    a, b, c = some_words(run, 3)
    for character in mixed(run, FILTERS):
        expect_words(run, f"{a}{character}{b} {character}{c}{character}")


@check(points=1, hint=tr("It is not in FILTERS, so it stays, and belongs to the word like any letter."))
def other_characters_stay(run: Run) -> None:
    """`text_to_word_sequence` keeps every character that is not in `FILTERS`."""
    a, b, c = some_words(run, 3)
    for character in mixed(run, OTHERS):
        expect_words(run, f"{a}{character}{b} {c}{character}")
    year, small = run.rng.integers(1900, 2100), run.rng.integers(10)
    expect_words(run, f"{a} {year} {b} {small} {c}{small} {small}{a}")  # digits are characters, too


@check(points=1, needs=words_are_in_lower_case, hint=tr("`'a  b'.split(' ')` gives an empty word: leave such out."))
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
        # The most frequent word is in one text only: it does not matter how many texts a word is in.
        texts = [*in_texts(run, mixed(run, np.repeat(words[1:], counts)), 4), " ".join(words[:1] * 8)]
        expect_index(run, mixed(run, texts))


@check(points=1, needs=frequent_words_come_first, hint=tr("Of equally frequent words, the first one seen comes first."))
def ties_go_to_the_first_seen(run: Run) -> None:
    """`fit_on_texts` numbers equally frequent words in the order in which they were first seen."""
    for times in (1, 2):
        words = some_words(run, 8)
        expect_index(run, in_texts(run, [*words, *mixed(run, [*words[:5], *words * (times - 1)])], 4))


@check(points=1, hint=tr("Look each word up in the `word_index` that is passed in, and keep the order of the text."))
def sequences_follow_the_texts(run: Run) -> None:
    """`texts_to_sequences` gives each text's indices, in the order of the words, and none for an empty text."""
    for _ in range(3):
        words = some_words(run, 9)
        first, *texts = in_texts(run, run.rng.choice(words, size=14).tolist(), 4)
        expect_sequences(run, [first, "", *texts], numbered(words))


@check(points=1, needs=sequences_follow_the_texts)
def unknown_words_are_left_out(run: Run) -> None:
    """`texts_to_sequences` leaves out words that are not in `word_index`."""
    hint = tr("Without an `oov_token` an unknown word leaves no trace: no 0, no None, and no error.")
    words = some_words(run, 9)
    texts = in_texts(run, mixed(run, words + words), 4)
    expect_sequences(run, [*texts, " ".join(words[5:])], numbered(words[:5]), hint)


@check(points=2, needs=sequences_follow_the_texts, hint=OFF_BY_ONE)
def num_words_limits_the_sequences(run: Run) -> None:
    """`texts_to_sequences` uses only the words whose index is below `num_words`."""
    words = some_words(run, 8)
    texts = in_texts(run, mixed(run, words + words), 4)
    for num_words in (int(run.rng.integers(3, 8)), 8, 9, 1, 100, None):
        expect_sequences(run, texts, numbered(words), num_words=num_words)


@check(points=1, needs=[frequent_words_come_first, sequences_follow_the_texts])
def oov_token_stands_for_the_others(run: Run) -> None:
    """With an `oov_token`, index 1 is its own, and it replaces unknown words and those beyond `num_words`."""
    token, words = str(run.rng.choice(OOV_TOKENS)), some_words(run, 9)
    hint = tr("The token gets index 1, just as it is written, and the words begin at 2.")
    expect_index(run, [" ".join(words[i:6]) for i in reversed(range(6))], hint, oov_token=token)
    texts = in_texts(run, mixed(run, words + words), 4)
    hint = tr("Where a word is unknown, or its index is not below `num_words`, the token's index stands in its place.")
    for num_words in (None, int(run.rng.integers(3, 7)), 7):
        expect_sequences(run, texts, numbered([token, *words[:6]]), hint, num_words=num_words, oov_token=token)


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
        first, *texts = in_texts(run, [forms[run.rng.integers(len(forms))](word) for word in words], 4)
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


@check(points=1, needs=short_sequences_are_filled_at_the_front)
def empty_sequences_become_padding(run: Run) -> None:
    """`pad_sequences` makes a row of padding of an empty sequence."""
    hint = tr("An empty sequence is a row like any other, with padding in all its places.")
    expect_rows(run, some_sequences(run, 3, 0, 2, 0), hint)
    expect_rows(run, some_sequences(run, 0, 5, 1), hint, maxlen=6)
    expect_rows(run, some_sequences(run, 0, 0), hint, maxlen=4)
    if run.once(value_is_filled_in):
        expect_rows(run, some_sequences(run, 0, 2, 0), tr("It is filled up with `value`, as others are."), value=7)


@check(
    points=1,
    needs=short_sequences_are_filled_at_the_front,
    hint=tr("Give the table a dtype such as `np.int64` or `torch.long` when you make it."),
)
def rows_are_whole_numbers(run: Run) -> None:
    """`pad_sequences` gives a new table of an integer dtype, which can pick an embedding's rows."""
    hint = tr("A vocabulary may have tens of thousands of words: the dtype has to be wide enough.")
    a, b, c = ([[20_000 + i for i in sequence] for sequence in some_sequences(run, 3, 1, 2)] for _ in range(3))
    expect_close(table_of(run, a), padded(a), called("pad_sequences", a), rtol=0, hint=hint)
    # Cutting off may change a list where filling up does not. What is cut off where is judged elsewhere.
    table_of(run, b, maxlen=2)
    table_of(run, c, maxlen=2, padding="post", truncating="post")


@check(points=1, hint=tr("Each number becomes a vector that is 1 in the place of this number and 0 in all others."))
def one_hot_is_right(run: Run) -> None:
    """`one_hot` gives (batch, length, num_words): a 1 in the place of each index, and zeros."""
    for shape in [(4, 5), (1, 4), (3, 1)]:
        num_words = int(run.rng.integers(6, 12))
        rows = run.rng.integers(0, num_words - 1, size=shape)
        rows[0, 0] = 0
        if len(rows) < 4:  # the last word need not occur, but it may
            rows[-1, -1] = num_words - 1
        what = tr("`one_hot(rows, {num_words})` of rows {shape}", num_words=num_words, shape=shape)
        expect_vectors(run, "one_hot", [rows, num_words], np.eye(num_words)[rows], what)


@check(points=1, hint=tr("The number picks the row of the table, counted from 0."))
def embed_is_right(run: Run) -> None:
    """`embed` gives (batch, length, dim): the row of the table for each index."""
    for shape in [(4, 5), (1, 4), (3, 1)]:
        num_words, dim = (int(n) for n in run.rng.choice(np.arange(6, 20), size=2, replace=False))
        rows = run.rng.integers(0, num_words, size=shape)
        table = run.rng.normal(size=(num_words, dim)).astype(np.float32)
        what = tr("`embed(rows, table)` of rows {rows}, table {table}", rows=shape, table=table.shape)
        expect_vectors(run, "embed", [rows, table], table[rows], what)


@check(points=1)
def embedding_model_is_counted(run: Run) -> None:
    """`embedding_model_parameters` counts the table, the weights of `Dense(1)` and its bias."""
    hint = tr("The table has `dim` numbers for each word; Dense(1) reads all numbers that Flatten lays side by side.")
    for num_words, dim, length in run.rng.integers(11, 400, size=(3, 3)).tolist():
        expect_call(run, "embedding_model_parameters", [num_words, dim, length], (num_words + length) * dim + 1, hint)


@check(points=1)
def one_hot_model_is_counted(run: Run) -> None:
    """`one_hot_model_parameters` counts the weights of `Dense(1)` and its bias."""
    hint = tr("How many numbers does Flatten lay side by side, when each place of a row is a one-hot vector?")
    for num_words, length in run.rng.integers(11, 400, size=(3, 2)).tolist():
        expect_call(run, "one_hot_model_parameters", [num_words, length], num_words * length + 1, hint)
