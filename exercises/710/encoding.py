"""What `vocabulary` and `encode` say: words and their numbers, and texts as rows of numbers."""

from __future__ import annotations

import re
from collections import Counter
from typing import NoReturn

import numpy as np

from grader.checks import Run, SubmissionFault, expect, expect_shape, fail, told, tr, whole_number

NO_WORDS = {"pad", "padding", "unk", "unknown", "oov", "bos", "eos", "sos", "cls", "sep", "start", "end", "mask", ""}
FEWEST_WORDS = 5  # that `encode` has to take as they are, to be asked about

# ---------------------------------------------------------------------- the vocabulary


def word_numbers(run: Run) -> dict[str, int]:
    """The vocabulary as word → number; special entries such as "<pad>" are in it too."""
    claimed = run.value("vocabulary")
    expect(
        type(claimed) is dict,
        tr("`vocabulary` is {found}, not a dict.", found=told(claimed)),
        tr("Make it a dict from each word to its number: vocabulary['film'] is then the number of “film”."),
    )
    expect(
        len(claimed) > 0,
        tr("`vocabulary` is empty."),
        tr("Count the words of the training texts, and number them."),
    )
    expect(
        all(type(word) is str for word in claimed),
        tr("The keys of `vocabulary` are not all texts."),
        tr("It goes from the word to its number, not the other way round."),
    )
    return {word: whole_number(number, f"`vocabulary[{word[:30]!r}]`") for word, number in claimed.items()}


def is_word(key: str) -> bool:
    """Whether a key of the vocabulary is an ordinary word, and no special entry such as "<pad>"."""
    return re.sub(r"[\s<>\[\]{}|_]", "", key).lower() not in NO_WORDS


def expect_own_numbers(numbers: dict[str, int]) -> None:
    """Fail unless each word has a number of its own, above that of padding."""
    zero = [word for word, number in numbers.items() if number == 0 and is_word(word)]
    expect(
        not zero,
        tr(
            "`vocabulary` gives the number 0 to {words}: the model could not tell this word from padding.",
            words=zero[:1],
        ),
        tr("Let the words begin after the numbers for padding (0) and for unknown words (1)."),
    )
    expect(
        min(numbers.values()) >= 0,
        tr("`vocabulary` has a number below zero."),
        tr("An embedding has rows 0, 1, 2, … only."),
    )
    words_at = Counter(number for word, number in numbers.items() if is_word(word))
    shared = [number for number, count in words_at.items() if count > 1]
    expect(
        not shared,
        tr("`vocabulary` gives the number {numbers} to more than one word.", numbers=shared[:1]),
        tr("The model could not tell these words apart: number them with `enumerate`."),
    )


def numbers_needed(run: Run) -> int:
    """How many rows an embedding needs for all numbers of the vocabulary; 1 where there is none to judge by."""
    try:
        return 1 + max(run.once(word_numbers).values())
    except SubmissionFault:  # a check of its own says so
        return 1


def usual_words(run: Run) -> list[str]:
    """Words that are frequent in the reviews and that no list of stop words has: the visible ones tell."""
    texts = run.visible("reviews").texts
    counts = Counter(word for text in texts for word in set(re.findall(r"[a-z]{5,}", text.lower())))
    return [word for word, _ in counts.most_common(100)]


# ---------------------------------------------------------------------- texts as rows


def rows_of(run: Run, texts: list[str]) -> np.ndarray:
    """`encode(texts)` as whole numbers, int64 (len(texts), length)."""
    hint = tr("Give back one row of LENGTH numbers for each text of the list, also when it holds a single one.")
    rows = expect_shape(run.call("encode", list(texts)), (len(texts), None), "`encode(texts)`", hint)
    expect(rows.shape[1] > 0, tr("The rows of `encode(texts)` are empty."), tr("Give them LENGTH numbers."))
    expect(
        np.isfinite(rows).all() and (rows == np.round(rows)).all() and rows.min() >= 0,
        tr("`encode(texts)` holds numbers that are no word's."),
        tr("Its numbers are those of the words in `vocabulary`, and 0 for padding: whole ones, from 0 on."),
    )
    return rows.astype(np.int64)


def plain_words(run: Run) -> list[str]:
    """Words of the vocabulary, picked at random, that `encode` takes as they are.

    A notebook may stem words or leave short ones out, so only those count that it numbers as they stand.
    """
    numbers = run.once(word_numbers)
    ordinary = [word for word in numbers if re.fullmatch(r"[a-z]{3,12}", word) and is_word(word)]
    expect(
        len(ordinary) >= FEWEST_WORDS,
        tr("`vocabulary` holds no ordinary words, or hardly any."),
        tr("Its keys are single words in lower case."),
    )
    rng = run.rng_for("words of the vocabulary")  # untranslated
    picked = [ordinary[i] for i in rng.permutation(len(ordinary))[:80]]
    found = {word: row[row != 0].tolist() for word, row in zip(picked, rows_of(run, picked), strict=True)}
    taken = [word for word in picked if found[word] == [numbers[word]]]
    if 2 * len(taken) < len(picked) or len(taken) < FEWEST_WORDS:
        word = next(word for word in picked if word not in taken)
        _explain(word, numbers[word], found[word])
    return taken


def _explain(word: str, number: int, found: list[int]) -> NoReturn:
    """Fail because a row is not what a word's number and padding are."""
    hint = tr("Look each word up in `vocabulary`; fill up with 0, and with nothing else.")
    its = {"word": repr(word), "number": number}
    if not found:
        nothing = tr(
            "`encode([{word}])` holds no number besides padding, not just `vocabulary[{word}]`, which is {number}.",
            **its,
        )
        fail(nothing, hint)
    others = tr(
        "`encode([{word}])` holds {found} besides padding, not just `vocabulary[{word}]`, which is {number}.",
        **its,
        found=found[:5],
    )
    fail(others, hint)


def random_words(run: Run, size: int) -> list[str]:
    """Some of the plain words, drawn with `run.rng`."""
    known = run.once(plain_words)
    return [known[i] for i in run.rng.integers(len(known), size=size)]


def row_length(run: Run) -> int:
    return int(rows_of(run, [run.once(plain_words)[0]]).shape[1])


def shuffled(run: Run, rows: np.ndarray) -> np.ndarray:
    """The same rows, the words of each in another order."""
    others = rows.copy()
    for row in others:
        places = np.flatnonzero(row)
        row[places] = row[run.rng.permutation(places)]
    return others


def expect_words_in_their_order(run: Run, length: int) -> None:
    """Fail unless a short text's row holds the numbers of its words, in their order and with no padding between."""
    numbers = run.once(word_numbers)
    texts = [random_words(run, size) for size in run.rng.integers(2, min(length, 15) + 1, size=12)]
    for text, row in zip(texts, rows_of(run, [" ".join(text) for text in texts]), strict=True):
        found, right = row[row != 0].tolist(), [numbers[word] for word in text]
        expect(
            found == right,
            tr(
                "`encode` gives {found} for the words {words}, whose numbers are {right}.",
                found=found[:15],
                words=text,
                right=right,
            ),
            tr("Every word counts, each time it occurs, and in the order of the text."),
        )
        places = np.flatnonzero(row)
        expect(
            places[-1] - places[0] == len(places) - 1,
            tr("`encode` puts padding between the words of a text."),
            tr("Put all of it at the end of the row, or all of it at the start."),
        )


def expect_truncation_by_words(run: Run, length: int) -> None:
    """Fail unless the row of a long text is full of its words, in their order."""
    numbers, long = run.once(word_numbers), random_words(run, 3 * length)
    row = rows_of(run, [" ".join(long)])[0]
    expect(
        row.all(),
        tr(
            "`encode` fills only {filled} of {width} places with a text of {n} words.",
            filled=np.count_nonzero(row),
            width=length,
            n=len(long),
        ),
        tr("Truncate after you have cut the text into words: LENGTH counts words, not letters."),
    )
    later = iter(numbers[word] for word in long)
    expect(
        all(number in later for number in row.tolist()),
        tr("`encode` changes the order of the words of a text that it truncates."),
        tr("Keep the first words, or the last ones, as they follow each other."),
    )


def expect_no_other_word(run: Run, before: str, stranger: str, after: str) -> None:
    """Fail unless a word that the vocabulary lacks leaves those beside it alone, and is taken for none that it has."""
    numbers = run.once(word_numbers)
    ordinary = {number for word, number in numbers.items() if is_word(word)}
    row = rows_of(run, [f"{before} {stranger} {after}"])[0]
    places = np.flatnonzero(row)
    inner = row[places[0] : places[-1] + 1].tolist() if len(places) else []
    expect(
        len(inner) >= 2 and inner[0] == numbers[before] and inner[-1] == numbers[after],
        tr("`encode` loses the words around one that it does not know: it gives {found}.", found=inner[:9]),
    )
    expect(
        0 not in inner,
        tr("`encode` gives 0, the number of padding, to a word that is not in the vocabulary."),
        tr("Give unknown words a number of their own, or leave them out: 0 means that there is no word."),
    )
    expect(
        not ordinary.intersection(inner[1:-1]),
        tr("`encode` gives a word that is not in the vocabulary the number of another word."),
        tr("Keep a number for unknown words that no word has."),
    )
