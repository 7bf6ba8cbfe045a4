"""Checks of exercise 710: an LSTM that tells praise from blame, judged on reviews that the notebook never saw."""

import math
import re
from collections import Counter
from contextlib import suppress

import numpy as np

from grader.checks import (
    check,
    confusion,
    expect,
    expect_accuracy,
    expect_whole_list,
    fail,
    misjudged,
    numeric,
    show,
    show_history,
    told,
    tr,
    whole_number,
)
from grader.errors import SubmissionFault
from grader.language import decimal, grouped

GOAL = 0.95  # what document 004 says is within reach of better methods
NO_WORDS = {"pad", "padding", "unk", "unknown", "oov", "bos", "eos", "sos", "cls", "sep", "start", "end", "mask", ""}
STUDIED = 1000  # reviews
KNOWS_SOMETHING = 0.65  # of two classes; below, an LSTM's part in it cannot be measured
MOST_KNOWN_WITHOUT = 0.75
TAKEN_AWAY = ("states", "own states")  # untranslated
LEAST_CHANGE = 0.05  # by which an order of the words matters, in standard deviations of the scores
RETOLD, MAY_LOSE = 2500, 2  # reviews in other words, and by how many points an honest model may be worse at them
CONSONANTS = list("bcdfghjklmnpqrstvwxz")


# ------------------------------------------------------------------------------------ what the checks ask


def word_numbers(run):
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


def is_word(key):
    """Whether a key of the vocabulary is an ordinary word, and no special entry such as "<pad>"."""
    return re.sub(r"[\s<>\[\]{}|_]", "", key).lower() not in NO_WORDS


def usual_words(run):
    """Words that are frequent in the reviews and that no list of stop words has: the visible ones tell."""
    texts = run.visible("reviews").texts
    counts = Counter(word for text in texts for word in set(re.findall(r"[a-z]{5,}", text.lower())))
    return [word for word, _ in counts.most_common(100)]


def rows_of(run, texts):
    """`encode(texts)` as whole numbers, (len(texts), length)."""
    rows = numeric(run.call("encode", list(texts)), "`encode(texts)`")
    expect(
        rows.ndim == 2 and len(rows) == len(texts),
        tr(
            "`encode(texts)` of {n} texts has shape {shape}, not ({n}, LENGTH).",
            n=len(texts),
            shape=rows.shape,
        ),
        tr("Give back one row of LENGTH numbers for each text of the list, also when it holds a single one."),
    )
    expect(rows.shape[1] > 0, tr("The rows of `encode(texts)` are empty."), tr("Give them LENGTH numbers."))
    expect(
        np.isfinite(rows).all() and (rows == np.round(rows)).all() and rows.min() >= 0,
        tr("`encode(texts)` holds numbers that are no word's."),
        tr("Its numbers are those of the words in `vocabulary`, and 0 for padding: whole ones, from 0 on."),
    )
    return rows.astype(np.int64)


def plain_words(run):
    """Words of the vocabulary, picked at random, that `encode` takes as they are.

    A notebook may stem words or leave short ones out, so only those count that it numbers as they stand.
    """
    numbers = run.once(word_numbers)
    ordinary = [word for word in numbers if re.fullmatch(r"[a-z]{3,12}", word) and is_word(word)]
    expect(
        len(ordinary) > 0,
        tr("`vocabulary` holds no ordinary words."),
        tr("Its keys are single words in lower case."),
    )
    rng = run.rng_for("words of the vocabulary")  # untranslated
    picked = [ordinary[i] for i in rng.permutation(len(ordinary))[:80]]
    rows = rows_of(run, picked)
    taken = [word for word, row in zip(picked, rows, strict=True) if row[row != 0].tolist() == [numbers[word]]]
    word, row = next(((w, r) for w, r in zip(picked, rows, strict=True) if w not in taken), (None, None))
    enough = 2 * len(taken) >= len(picked) and len(taken) >= 5
    hint = tr("Look each word up in `vocabulary`; fill up with 0, and with nothing else.")
    its = {"word": repr(word), "number": numbers.get(word)}
    expect(
        enough or (row is not None and row.any()),
        tr(
            "`encode([{word}])` holds no number besides padding, not just `vocabulary[{word}]`, which is {number}.",
            **its,
        ),
        hint,
    )
    expect(
        enough,
        tr(
            "`encode([{word}])` holds {found} besides padding, not just `vocabulary[{word}]`, which is {number}.",
            **its,
            found=[] if row is None else row[row != 0][:5].tolist(),
        ),
        hint,
    )
    return taken


def scores_of(run, rows, without=""):
    """How positive `model` finds each row, (N,): the higher, the more."""
    found = run.predict("model", rows, batch=100, without=without)
    if found.ndim == 2 and found.shape[1] == 2:
        return found[:, 1] - found[:, 0]
    expect(
        found.size == len(rows),
        tr("`model(rows)` of {n} rows has shape {shape}.", n=len(rows), shape=found.shape),
        tr("It gives one number for each row, shape (N,) or (N, 1), or two, shape (N, 2)."),
    )
    return found.reshape(len(rows))


def some_visible(run, count):
    """Some of the reviews that the notebook can see, in random order."""
    reviews = run.visible("reviews")
    return [reviews.texts[i] for i in run.rng.permutation(len(reviews))[:count]]


def judged(run, texts):
    """`predict(texts)` as 0 and 1, (len(texts),). Probabilities of "positive" are taken, too."""
    found = run.predict("predict", texts)
    expect(
        found.size == len(texts),
        tr("`predict(texts)` of {n} texts has shape {shape}, not ({n},).", n=len(texts), shape=found.shape),
        tr("Give one answer for each text; of two outputs take the larger one's place: `.argmax(dim=1)`."),
    )
    known = np.isfinite(found.reshape(len(texts)))
    expect(
        known.any(),
        tr("`predict(texts)` gives NaN or an infinite number for every text."),
        tr("The weights of `model` may be NaN: watch the loss; a smaller learning rate may help."),
    )
    expect(
        known.all(),
        tr(
            "`predict(texts)` gives NaN or an infinite number for {wrong} of {n} texts, such as {text}.",
            wrong=grouped(np.count_nonzero(~known)),
            n=grouped(len(texts)),
            text=repr(texts[int(known.argmin())][:60]),
        ),
        tr("Ask `encode` and `model` for this text: is something divided by 0 there?"),
    )
    expect(
        found.min() >= 0 and found.max() <= 1,
        tr(
            "`predict(texts)` holds numbers from {low} to {high}, not 0 and 1.",
            low=f"{found.min():.3g}",
            high=f"{found.max():.3g}",
        ),
        tr("Turn the logits into answers: 1 where a logit is above 0, else 0."),
    )
    return (found.reshape(len(texts)) >= 0.5).astype(np.int64)


def heldout_answers(run):
    """Answers to all reviews that only the grader has; they come shuffled."""
    return judged(run, run.heldout("reviews").texts)


def some_unseen(run):
    """Reviews on which the ways of `model` are studied: some that the notebook never saw, and their labels."""
    reviews = run.heldout("reviews")
    return reviews.texts[:STUDIED], reviews.labels[:STUDIED]


def studied_rows(run):
    return rows_of(run, run.once(some_unseen)[0])


def studied_scores(run):
    return scores_of(run, run.once(studied_rows))


def told_apart(scores, labels):
    """Share of the reviews that these scores tell apart at their median, with the labels as they are or turned.

    Half of the reviews are positive, so that no threshold has to be guessed: what a model without its LSTM gives may
    all lie above 0.
    """
    right = float(((scores > np.median(scores)) == labels).mean())
    return max(right, 1 - right)


# ------------------------------------------------------------------------------------------------- checks

A_LAYER = tr(
    "Put `nn.LSTM(dim, hidden, batch_first=True)` between the embedding and the last layer, so that the last layer "
    "sees nothing but what the LSTM gives."
)


@check(
    points=1,
    hint=tr("Count the words of the training texts with `Counter`, and number the most frequent from 2 on."),
)
def vocabulary_numbers_the_words(run):
    """`vocabulary` gives each word a number of its own, and 0 to none of them.

    Entries for padding and unknown words may be in it. Usual words have to be: a quarter of the hundred most
    frequent ones, since a notebook may stem them ("movi", "stori") or leave some out.
    """
    numbers = run.once(word_numbers)
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
    usual = run.once(usual_words)
    known = sum(word in numbers for word in usual)
    expect(
        4 * known >= len(usual),
        tr(
            "Of the {n} most frequent longer words of the reviews, `vocabulary` has only {known}.",
            n=len(usual),
            known=known,
        ),
        tr("Cut each text into words before you count: going through a text itself gives its letters."),
    )
    return tr("{n} entries", n=grouped(len(numbers)))


@check(points=1, hint=tr("Fill every row up to LENGTH, a fixed number, whatever the other texts of the list are."))
def rows_have_one_length(run):
    """`encode(texts)` has rows of the same length, for short texts as for long ones."""
    usual = run.once(usual_words)
    short, long = " ".join(usual[:3]), " ".join(usual * 40)
    lists = ([short], [short, long, " ".join(usual[:8])], some_visible(run, 20))
    widths = [rows_of(run, texts).shape[1] for texts in lists]
    expect(
        len(set(widths)) == 1,
        tr(
            "The rows of `encode(texts)` have {short} numbers for a short text, {long} with a long one.",
            short=widths[0],
            long=widths[1],
        ),
        tr("Fill up to a LENGTH that you choose once, not to the longest text of the list."),
    )
    expect(
        widths[0] >= 10,
        tr("The rows of `encode(texts)` have {n} numbers: that is hardly a sentence.", n=widths[0]),
    )
    return tr("{n} numbers a row", n=widths[0])


@check(points=1, needs=[vocabulary_numbers_the_words, rows_have_one_length])
def rows_hold_the_words(run):
    """`encode(texts)` holds the numbers of the words in their order, and 0 only where there is no word."""
    numbers, known = run.once(word_numbers), run.once(plain_words)
    width = rows_of(run, [known[0]]).shape[1]
    sizes = run.rng.integers(2, min(width, 15) + 1, size=12)
    texts = [[known[i] for i in run.rng.integers(len(known), size=size)] for size in sizes]
    rows = rows_of(run, [" ".join(text) for text in texts])
    for text, row in zip(texts, rows, strict=True):
        expect(
            row[row != 0].tolist() == [numbers[word] for word in text],
            tr(
                "`encode` gives {found} for the words {words}, whose numbers are {right}.",
                found=row[row != 0][:15].tolist(),
                words=text,
                right=[numbers[word] for word in text],
            ),
            tr("Every word counts, each time it occurs, and in the order of the text."),
        )
        places = np.flatnonzero(row)
        expect(
            places[-1] - places[0] == len(places) - 1,
            tr("`encode` puts padding between the words of a text."),
            tr("Put all of it at the end of the row, or all of it at the start."),
        )
    expect(
        not rows_of(run, ["", known[0]])[0].any(),
        tr("`encode` of a text without words is not all 0."),
        tr("Padding has the number 0 and no other."),
    )
    long = [known[i] for i in run.rng.integers(len(known), size=3 * width)]
    row = rows_of(run, [" ".join(long)])[0]
    expect(
        row.all(),
        tr(
            "`encode` fills only {filled} of {width} places with a text of {n} words.",
            filled=np.count_nonzero(row),
            width=width,
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


@check(
    points=1,
    needs=rows_hold_the_words,
    hint=tr("`vocabulary.get(word, UNKNOWN)` gives UNKNOWN where a word is not in."),
)
def unknown_words_are_no_other_word(run):
    """`encode(texts)` copes with words that the vocabulary does not have, and takes them for no other word."""
    numbers, known = run.once(word_numbers), run.once(plain_words)
    ordinary = {number for word, number in numbers.items() if is_word(word)}
    for _ in range(5):
        before, after = (known[i] for i in run.rng.integers(len(known), size=2))
        stranger = "x" + "".join(run.rng.choice(CONSONANTS, size=10))
        if stranger in numbers:
            continue
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


@check(points=1, hint=A_LAYER)
def model_has_an_lstm(run):
    """`model` has an LSTM that its answers hang on, and an embedding with a row for every number of the vocabulary.

    A layer that stands beside another network is an ornament: the model is asked again with what its LSTM gives taken
    away, or with what it gives for another review, and has to know less. Of honest models of seven kinds none was right
    for more than 53 % of the real reviews then; with ornaments it was 86 %, as before.
    """
    shapes = run.shapes("model")
    recurrent = {name: shape for name, shape in shapes.items() if "weight_hh" in name and len(shape) == 2}
    # an LSTM's matrix has rows for its four gates (and fewer columns than a gate only with a projection)
    lstm = [shape for shape in recurrent.values() if shape[0] % 4 == 0 and 0 < shape[1] <= shape[0] // 4]
    if not lstm and recurrent:
        rows, columns = next(iter(recurrent.values()))
        fail(
            tr(
                "The recurrent weights of `model` have shape ({rows}, {columns}): those of an LSTM have 4·hidden rows.",
                rows=rows,
                columns=columns,
            ),
            tr("A plain RNN has one matrix, a GRU three gates, an LSTM four: use `nn.LSTM`."),
        )
    expect(bool(lstm), tr("There are no recurrent weights among the parameters of `model`."))
    try:
        rows = 1 + max(run.once(word_numbers).values())
    except SubmissionFault:  # there is no vocabulary to judge by: a check of its own says so
        rows = 1
    tables = [shape[0] for name, shape in shapes.items() if name not in recurrent and len(shape) == 2]
    expect(
        max(tables, default=0) >= rows,
        tr("No embedding of `model` has the {n} rows that the numbers of `vocabulary` need.", n=grouped(rows)),
        tr("Count all numbers: those of the words, and those of padding and unknown words before them."),
    )
    try:
        run.once(studied_scores)
    except SubmissionFault:  # what is wrong with `encode` and with the answers is told elsewhere
        pass
    else:
        expect_states_matter(run)
    return tr("{n} hidden units", n=lstm[0][1])


def expect_states_matter(run):
    """Fail unless the model knows less when its LSTM gives nothing, or what it gives for another review."""
    rows, scores, labels = run.once(studied_rows), run.once(studied_scores), run.once(some_unseen)[1]
    nothing, of_others = (scores_of(run, rows, without=what) for what in TAKEN_AWAY)
    if np.ptp(scores) == 0:  # a check of its own says so
        return
    for found in (nothing, of_others):
        if np.abs(found - scores).max() <= 1e-3 * scores.std():
            fail(tr("`model` gives the same numbers when what its `nn.LSTM` gives is taken away."), A_LAYER)
    # Words that tell praise from blame for an LSTM do so beside it, too: without it such a network may know a lot. But
    # where it counts, another review's states give another review's answer.
    knows, without = told_apart(scores, labels), told_apart(of_others, labels)
    if knows < KNOWS_SOMETHING:
        return
    if without - 0.5 > MOST_KNOWN_WITHOUT * (knows - 0.5):
        fail(
            tr(
                "`model` still judges {without}% of the reviews rightly when its LSTM gives what it read in others, "
                "{knows}% as it is: the LSTM has no part in its answers, or hardly any.",
                without=percent(without),
                knows=percent(knows),
            ),
            A_LAYER,
        )


def percent(share):
    """A share in percent, with one decimal."""
    return decimal(f"{100 * share:.1f}")


@check(
    points=1,
    needs=rows_have_one_length,
    hint=tr("Without `batch_first=True` the LSTM takes the texts for steps in time, and reads from one into the next."),
)
def model_judges_each_row_by_itself(run):
    """`model(rows)` gives a number for each row, and the same one whatever the other rows are.

    A little may change: who cuts off the padding that a batch has in common, and reads backwards too, starts
    to read after more of it or less.
    """
    rows = rows_of(run, some_visible(run, 24))
    scores = scores_of(run, rows)
    finite = bool(np.isfinite(scores).all())
    expect(finite, tr("`model(rows)` holds NaN or infinite numbers."), tr("Watch the loss while training."))
    spread = float(np.ptp(scores))
    expect(
        spread > 0,
        tr("`model(rows)` gives the same number for all reviews."),
        tr("Follow the rows through `forward`: does what comes out depend on them?"),
    )
    turned, some = scores_of(run, rows[::-1].copy())[::-1], scores_of(run, rows[:6])
    worst = max(float(np.abs(turned - scores).max()), float(np.abs(some - scores[:6]).max()))
    expect(
        worst < 0.1 * spread,
        tr("`model(rows)` gives a row another number when other rows stand beside it."),
    )


@check(
    points=1,
    needs=[rows_hold_the_words, model_judges_each_row_by_itself],
    hint=tr("A mean (or a maximum) over the embeddings themselves forgets their order: let the LSTM read them first."),
)
def word_order_matters(run):
    """`model` judges a review differently when its words are shuffled."""
    rows = rows_of(run, some_visible(run, 200))
    shuffled = rows.copy()
    for row in shuffled:
        places = np.flatnonzero(row)
        row[places] = row[run.rng.permutation(places)]
    scores = scores_of(run, rows)
    change = np.sqrt(np.square(scores_of(run, shuffled) - scores).mean())
    expect(
        change > LEAST_CHANGE * scores.std(),
        tr(
            "`model` gives a review the same number when its words are shuffled, or nearly: it does not see their "
            "order."
        ),
    )


@check(points=1, hint=tr("Encode all texts, ask the model for all rows, and give back the whole list."))
def predict_judges_each_text(run):
    """`predict(texts)` gives 0 or 1 for each text, and the same one whatever the other texts are.

    A few answers may differ: logits near zero tip over when batches are cut in another way, or when the
    dropout was left on.
    """
    texts = some_visible(run, 60)
    answers = judged(run, texts)
    others = judged(run, texts[::-1])[::-1], np.concatenate([judged(run, texts[:7]), answers[7:]])
    for other in others:
        expect(
            (other != answers).mean() <= 0.1,
            tr(
                "`predict(texts)` gives {differ} of {n} texts another answer when the list is in another order.",
                differ=(other != answers).sum(),
                n=len(texts),
            ),
            tr("Each answer hangs on its own text only: no mean over the list, nothing random, `model.eval()` first."),
        )
    expect_whole_list(run, "predict", texts, apart=0.5)  # the dropout may have been left on here, too


@check(points=1, needs=[model_judges_each_row_by_itself, predict_judges_each_text])
def predict_asks_the_model(run):
    """`predict(texts)` says what `model` finds in `encode(texts)`.

    The model may give logits or probabilities, its labels may be turned, and the threshold may have been
    tuned: some threshold has to separate the texts as `predict` does, for 95 of 100.
    """
    texts = some_visible(run, 300)
    answers, scores = judged(run, texts), scores_of(run, rows_of(run, texts))
    # Never a threshold at the edge: one that all scores exceed would agree with a constant answer.
    usual = 0.5 if scores.min() >= 0 and scores.max() <= 1 else 0.0
    agreement = 0.0
    for threshold in (usual, *np.quantile(scores, np.linspace(0.1, 0.9, 81))):
        same = float(((scores > threshold) == answers).mean())
        agreement = max(agreement, same, 1 - same)
    expect(
        agreement >= 0.95,
        tr(
            "`predict` and `model` agree on only {agreement}% of {n} reviews.",
            agreement=f"{100 * agreement:.0f}",
            n=len(texts),
        ),
        tr("Let `predict` ask `model`, and leave in `model` the network that you have trained."),
    )


HELD_BACK = tr("Does every batch end in `loss.backward()` and `optimizer.step()`? Does 1 mean positive everywhere?")
ASKED_AGAIN, AT_ONCE = 1000, 250  # reviews for which `model` is asked how sure it is


def sureness(run, texts, answers):
    """The probability that `model` gives to each of these answers, NaN where it is not known.

    The first reviews are asked about, whether they were judged rightly or not: to ask about the others alone would
    tell the notebook their labels. The model may give logits or probabilities, and its labels may be turned: only
    where it finds what `predict` says is it taken at its word.
    """
    sure = np.full(len(texts), np.nan)
    with suppress(SubmissionFault):  # checks of their own judge `encode` and `model`
        some = texts[:ASKED_AGAIN]
        parts = [some[start : start + AT_ONCE] for start in range(0, len(some), AT_ONCE)]
        scores = np.concatenate([scores_of(run, rows_of(run, part)) for part in parts])
        are_shares = scores.min() >= 0 and scores.max() <= 1
        positive = scores if are_shares else (1 + np.tanh(scores / 2)) / 2
        said = np.where(answers[: len(scores)] == 1, positive, 1 - positive)
        sure[: len(scores)] = np.where(said >= 0.5, said, np.nan)
    return sure


def show_answers(run):
    """Show how often which class was taken for which, some reviews that were misjudged, and curves if there are any.

    Nobody asks for a `history` here, but who comes from exercise 110 may keep one.
    """
    answers, reviews = run.once(heldout_answers), run.heldout("reviews")
    classes = [tr("negative"), tr("positive")]
    show(confusion(answers, reviews.labels, classes, tr("How the reviews were judged")))
    show(
        misjudged(
            answers,
            reviews.labels,
            classes,
            texts=reviews.texts,
            sure=sureness(run, reviews.texts, answers),
            title=tr("Reviews that the model misjudged"),
        )
    )
    with suppress(SubmissionFault):
        show_history(run.value("history"))


@check(points=4, needs=predict_judges_each_text, hint=HELD_BACK)
def accuracy_reaches_80_percent(run):
    """`predict` is right for at least 80 % of reviews that the notebook has never seen."""
    answers, labels = run.once(heldout_answers), run.heldout("reviews").labels
    show_answers(run)
    right = float((answers == labels).mean())
    hint = HELD_BACK
    if right < 0.2:
        hint = tr("It is nearly always wrong, which is as good as right: turn the labels round, 1 means positive.")
    elif run.data == "sample" and right < 0.65:
        hint = tr(
            "In these reviews only the order of the words tells: does the model see it, and has it trained enough?"
        )
    reached = expect_accuracy(answers, labels, at_least=0.80, hint=hint)
    if run.data == "sample":  # reviews that were made for this grading: nobody can have looked them up
        return reached
    return tr("{reached}; {told}", reached=reached, told=run.once(expect_reading))


def expect_reading(run):
    """Fail unless the model reads: reviews in other words nearly as well as the public ones. Returns a sentence."""
    reviews, answers = run.heldout("reviews"), run.once(heldout_answers)
    as_told = reviews.reworded(run.rng_for("reworded reviews"))  # untranslated
    written = float((answers[:RETOLD] == reviews.labels[:RETOLD]).mean())
    return expect_accuracy(
        judged(run, as_told.texts[:RETOLD]),
        reviews.labels[:RETOLD],
        at_least=math.floor(100 * written - MAY_LOSE) / 100,
        what=tr("accuracy on some of the same reviews, told in other words"),
        hint=tr("Train a network that reads reviews; one that knows texts by heart knows only these."),
    )


@check(
    points=2,
    needs=predict_judges_each_text,
    hint=tr(
        "Watch the test accuracy: train longer while it rises, stop when it falls; take the maximum over all words."
    ),
)
def accuracy_reaches_85_percent(run):
    """`predict` is right for at least 85 % of reviews that the notebook has never seen."""
    reached = expect_accuracy(run.once(heldout_answers), run.heldout("reviews").labels, at_least=0.85)
    if run.data == "full":
        run.once(expect_reading)
    return reached


@check(
    points=1,
    needs=predict_judges_each_text,
    hint=tr(
        "More words in the vocabulary, longer rows, dropout after the embedding, a smaller learning rate at the end."
    ),
)
def accuracy_reaches_87_percent(run):
    """`predict` is right for at least 87 % of reviews that the notebook has never seen, a good simple LSTM's share."""
    answers, labels = run.once(heldout_answers), run.heldout("reviews").labels
    reached = expect_accuracy(answers, labels, at_least=0.87)
    if run.data == "full":
        run.once(expect_reading)
    return how_far(run, reached, float((answers == labels).mean()))


def how_far(run, reached, right):
    """What was reached, and how far it is to the 95 % of document 004."""
    if run.data == "sample":
        return tr(
            "{reached}; these were generated sentences, real reviews are harder: a simple LSTM reaches about 87 %",
            reached=reached,
        )
    if right >= GOAL:
        return tr(
            "{reached}; and that is the 95 % which the course names as the goal of advanced methods", reached=reached
        )
    return tr(
        "{reached}; {points} points below 95 %: that takes a network which has read far more than 25,000 reviews, such "
        "as a pretrained transformer",
        reached=reached,
        points=decimal(f"{100 * (GOAL - right):.1f}"),
    )
