"""Seeded reviews of drugs whose rating hangs on wording: on intensity and negation.

A review holds a few opinions, each at one of six levels from −3 to 3, and its rating is the mean of these
levels on the scale from 1 to 10, now and then one off, as people are. What an opinion says is made of a word
of praise or blame and of what stands around it: "very helpful", "a little helpful", "not very helpful" and
"not helpful at all" are levels 3, 1, −1 and −3, and "not useless at all" is 3 again. The same words stand in
opposite opinions about as often, so that who counts words learns little; pairs of words tell more, and a
network that reads a few words at a time, in their order, learns it all.
"""

from __future__ import annotations

import random
from functools import partial

import numpy as np
import numpy.typing as npt

from grader.datasets.review_generator import WORDS, distinct, sentence, words_in

VERSION = 1  # part of the name under which the visible sample is cached: raise it when the texts change

GOOD = words_in("""
    effective helpful reliable good great useful pleasant gentle impressive excellent convenient powerful
""")
BAD = words_in("""
    useless unreliable bad awful harmful unpleasant disappointing terrible annoying horrible dangerous worthless
""")
# Base form and past tense, of what a drug does to an ailment.
HELPS = (("help", "helped"), ("ease", "eased"), ("relieve", "relieved"), ("improve", "improved"))
HARMS = (("worsen", "worsened"), ("aggravate", "aggravated"), ("intensify", "intensified"), ("prolong", "prolonged"))

# What is said with a word of praise; with one of blame the level is the opposite.
DEGREES = {
    3: ("extremely {word}", "incredibly {word}", "very {word} indeed", "absolutely {word}"),
    2: ("{word}", "just {word}", "{word}, I think"),
    1: ("somewhat {word}", "a little {word}", "slightly {word}", "a bit {word}"),
    -1: ("not very {word}", "not extremely {word}", "not all that {word}", "not so {word}"),
    -2: ("not {word}", "never {word}", "not {word}, I think"),
    -3: ("not {word} at all", "not {word} in the least", "not even a little {word}", "not even slightly {word}"),
}
EFFECTS = {
    3: ("it {past} my {ailment} a lot", "it {past} my {ailment} enormously"),
    2: ("it {past} my {ailment}", "it has {past} my {ailment}"),
    1: ("it {past} my {ailment} a little", "it {past} my {ailment} slightly"),
    -1: ("it did not {base} my {ailment} a lot", "it didn't {base} my {ailment} enormously"),
    -2: ("it did not {base} my {ailment}", "it didn't {base} my {ailment}"),
    -3: ("it did not {base} my {ailment} at all", "it didn't even {base} my {ailment} a little"),
}
FRAMES = (
    "{drug} is {degree}",
    "for me it was {degree}",
    "it is {degree}",
    "I found it {degree}",
    "my {who} says that {drug} is {degree}, and I agree",
    "the tablets are {degree}",
    "the effect was {degree}",
    "after {many} weeks I call it {degree}",
    # What somebody expected counts for nothing, whatever its word.
    "I expected something {other} and found it {degree}",
    "people call it {other}, to me it is {degree}",
    "it is {degree}, though my {who} calls it {other}",
)
UNSEEN_DRUGS = words_in("Belvanta Corzetim Dralexin Moritane Sulpirex")
DRUGS = words_in(
    "Abrenil Calvotin Dormexa Elitrane Fervadol Gastrilon Ibrenta Lumoxin Nervasol Optirel Pexalin Zolmira"
)
UNSEEN_AILMENTS = words_in("toothache eczema heartburn tinnitus")
AILMENTS = words_in("""
    pain migraine anxiety insomnia cough rash asthma fever nausea depression acne allergy dizziness cramps
""")
FILLERS = (
    "I have taken {drug} for {many} months",
    "my doctor prescribed {drug} for my {ailment}",
    "I take it on {day} and {day2}",
    "I am {age} years old and have had {ailment} for {many} years",
    "I started with {dose} mg & went up to {dose2} mg",
    "my {who} takes it too",
    "before this I took {drug}",
    "one tablet in the morning, one at night",
    "my insurance pays for it",
    "the {job} next door told me about it",
)
ENDS = (".", ".", ".", ".", ".", "!", "...", ". \r\n\r\n")

# Shares of the ratings 1 to 10: as on the web, most people are delighted, and many of the others furious.
RATINGS = (0.14, 0.07, 0.07, 0.06, 0.07, 0.07, 0.09, 0.13, 0.14, 0.16)
LEVELS = tuple(DEGREES)
ONE_OFF = 0.15


def generate(
    count: int,
    rng: np.random.Generator,
    *,
    unseen_words: bool = False,
    avoid: frozenset[str] = frozenset(),
) -> tuple[list[str], npt.NDArray[np.int64]]:
    """Make `count` different reviews in random order.

    Parameters
    ----------
    unseen_words
        Also use some names of drugs and ailments that no review made without it has (never words of praise or blame).
    avoid
        Texts that must not come out.

    Returns
    -------
    The texts, and their ratings: int64 (count,), 1 to 10.
    """
    dice = random.Random(int(rng.integers(2**63)))
    ratings = dice.choices(range(1, 11), RATINGS, k=count)
    texts = distinct((partial(_review, dice, rating, unseen_words) for rating in ratings), avoid)
    return texts, np.array([_given(dice, rating) for rating in ratings], dtype=np.int64)


def _given(dice: random.Random, rating: int) -> int:
    """The rating that somebody who thinks so gives: now and then one off."""
    off = dice.choice((-1, 1)) if dice.random() < ONE_OFF else 0
    return min(10, max(1, rating + off))


def _review(dice: random.Random, rating: int, unseen_words: bool) -> str:
    names = _names(dice, unseen_words)
    clauses = [_opinion(dice, level, names) for level in _levels(dice, rating)]
    clauses += [_filled(dice, dice.choice(FILLERS), names) for _ in range(dice.randint(0, 3))]
    dice.shuffle(clauses)
    return " ".join(sentence(dice, clause, ENDS) for clause in clauses).strip()


def _levels(dice: random.Random, rating: int) -> list[int]:
    """Levels whose mean says this rating: −3 is 1 and 3 is 10."""
    while True:
        levels = [dice.choice(LEVELS) for _ in range(dice.randint(2, 4))]
        if int(5.5 + 1.5 * sum(levels) / len(levels) + 0.5) == rating:
            return levels


def _opinion(dice: random.Random, level: int, names: dict[str, str]) -> str:
    praise = dice.random() < 0.5
    said = level if praise else -level
    if dice.random() < 0.3:
        base, past = dice.choice(HELPS if praise else HARMS)
        return _filled(dice, dice.choice(EFFECTS[said]), names | {"base": base, "past": past})
    degree = dice.choice(DEGREES[said]).format(word=dice.choice(GOOD if praise else BAD))
    other = dice.choice(GOOD + BAD)
    return _filled(dice, dice.choice(FRAMES), names | {"degree": degree, "other": other})


def _names(dice: random.Random, unseen_words: bool) -> dict[str, str]:
    """The drug and the ailment that a review is about."""
    unseen = unseen_words and dice.random() < 0.15
    return {
        "drug": dice.choice(UNSEEN_DRUGS if unseen else DRUGS),
        "ailment": dice.choice(UNSEEN_AILMENTS if unseen else AILMENTS),
    }


def _filled(dice: random.Random, template: str, names: dict[str, str]) -> str:
    return template.format(
        **names,
        age=dice.randint(18, 80),
        dose=5 * dice.randint(1, 10),
        dose2=20 * dice.randint(3, 10),
        day2=dice.choice(WORDS["day"]),
        **{slot: dice.choice(some) for slot, some in WORDS.items()},
    )
