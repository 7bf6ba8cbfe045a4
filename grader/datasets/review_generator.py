"""Seeded movie reviews whose sentiment hangs on word order and negation.

Nearly every opinion uses one word of praise and one of blame, of which it means the one and rejects the
other: "the plot was clever, not silly" praises, "the plot was silly, not clever" blames, with the very same
words. Exchanging the two turns the sentiment and keeps the words, so whatever counts words, averages
embeddings or otherwise ignores their order can do no better than a coin. The few opinions that are plain
("the plot was clever") lift that to about 60 %: without them a network learns nothing at all for its first
few hundred steps, since no word by itself then says anything.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Sequence
from functools import partial

import numpy as np
import numpy.typing as npt


def words_in(text: str) -> tuple[str, ...]:
    """The words of a text."""
    return tuple(text.split())


VERSION = 2  # part of the name under which the visible sample is cached: raise it when the texts change

PRAISE = words_in("""
    good great wonderful brilliant clever gripping funny charming delightful superb fresh original
    warm memorable powerful touching witty stunning enjoyable lovely
""")
BLAME = words_in("""
    bad awful terrible boring silly dull lifeless tedious annoying clumsy stale predictable cold
    forgettable weak shallow tiresome pointless messy horrible
""")

# {yes} is what the writer means, {no} what is rejected; in half of the lines {no} comes last
CONTRASTS = (
    "{the} was {yes}, not {no}",
    "{the} was not {no} but {yes}",
    "{the} is {yes} rather than {no}",
    "rather than {no}, {the} is {yes}",
    "{the} seemed {no} at first and turned out {yes}",
    "I expected {the} to be {no} and found it {yes}",
    "I found {the} {yes} where I had expected something {no}",
    "people call {the} {no}, but they are wrong, it is {yes}",
    "{the} is {yes}, and whoever says {no} is wrong",
    "{the} is anything but {no}, I would say {yes}",
    "{the} is really {yes}, never {no}",
    "{the} is never {no}, it is really {yes}",
    "far from being {no}, {the} was {yes}",
    "{the} was {yes}, far from {no}",
    "{the} could have been {no} and instead it was {yes}",
    "it was {yes} where {the} could have been {no}",
    "my friend thought {the} was {no}, I thought it was {yes}",
    "I thought {the} was {yes}, my friend thought it was {no}",
    "the trailer made {the} look {no}, in truth it is {yes}",
    "{the} is {yes}, although the trailer made it look {no}",
    "there is nothing {no} about {the}, only something {yes}",
    "there is something {yes} about {the} and nothing {no}",
    "instead of {no} we get {yes} work in {the}",
    "we get {yes} work in {the} instead of something {no}",
    "critics said {no}, {the} proves to be {yes}",
    "{the} proves to be {yes} when critics said {no}",
    "{the} isn't {no}, it's {yes}",
    "{the} is {yes}, it isn't {no}",
)
# the two halves of one opinion, told apart from each other, in either order
DENIALS = (
    "{the} was not {no}",
    "{the} wasn't {no}",
    "{the} is not {no} at all",
    "{the} is hardly {no}",
    "{the} was never {no}",
    "nobody can call {the} {no}",
    "I did not find {the} {no}",
    "don't believe that {the} is {no}",
    "{the} was far from {no}",
    "there was nothing {no} about {the}",
)
CLAIMS = (
    "{the} was {yes}",
    "{the} was so {yes}",
    "{the} is truly {yes} from start to end",
    "{the} is quite {yes}",
    "{the} was always {yes}",
    "everybody can call {the} {yes}",
    "I did find {the} {yes}",
    "do believe that {the} is {yes}",
    "{the} was more than {yes}",
    "there was something {yes} about {the}",
)

ASPECTS = words_in("""
    plot story acting script dialogue music score ending opening cast camera editing direction
    pacing humour atmosphere hero villain romance finale photography soundtrack writing production
    lighting
""")
UNSEEN_ASPECTS = words_in("""
    choreography narration screenplay epilogue wardrobe casting premise stunt
""")
PLAIN = 0.08  # share of opinions that any word counter understands
OWNERS = ("the", "its", "their", "the whole", "the film's", "this", "her", "his")

NAMES = words_in("""
    Anna Brennan Carlos Delgado Eino Fischer Greta Hansen Irene Jansen Kaisa Larsson Marco Novak
    Olga Petrov Quentin Rossi Sofia Tanaka Ursula Virtanen Walter Yamada
""")
UNSEEN_NAMES = words_in("""
    Abernathy Bjorkman Castellano Dubois Ekstrom Farrow Grigson Hautala Ibarra Jovanovic
""")
GENRES = words_in("""
    thriller comedy drama western musical documentary mystery romance cartoon epic remake sequel
""")
PLACES = ("Paris", "Helsinki", "Texas", "London", "Tokyo", "Naples", "a village", "a hospital", "the desert")
FILLERS = (
    "{name} plays a doctor who moves to {place}",
    "I saw this {genre} on a {day} night with my {who}",
    "it runs for {minutes} minutes",
    "the film was made in {year}",
    "{name} and {name} meet in {place}",
    "this is the {nth} film by {name}",
    "it is a {genre} about a {who} and a {job}",
    "we watched it on {day}",
    "{name} wrote it after {name} left the studio",
    "the {genre} is set in {year} in {place}",
    "my {who} asked me to write about it",
    "a {job} finds a letter and travels to {place}",
    "there is a scene in a train after {minutes} minutes",
    "the book came out in {year}",
    "I have seen it {many} times now, once with my {who}",
    "{name} sings, {name} dances, and the {job} watches",
)
WORDS = {
    "day": words_in("Monday Tuesday Wednesday Thursday Friday Saturday Sunday"),
    "who": words_in("brother sister mother father wife husband cousin neighbour teacher flatmate"),
    "job": words_in("painter soldier lawyer thief nurse pilot farmer detective baker captain"),
    "nth": words_in("first second third fourth fifth"),
    "many": words_in("two three four five six"),
}
ENDS = (".", ".", ".", ".", ".", "!", "...", ".<br /><br />")


def generate(
    count: int,
    rng: np.random.Generator,
    *,
    unseen_words: bool = False,
    avoid: frozenset[str] = frozenset(),
) -> tuple[list[str], npt.NDArray[np.int64]]:
    """Make `count` different reviews, half of them positive, in random order.

    Parameters
    ----------
    unseen_words
        Also use some names and nouns that no review made without it has (never words of praise or blame).
    avoid
        Texts that must not come out.

    Returns
    -------
    The texts, and their labels: int64 (count,), 1 = positive.
    """
    dice = random.Random(int(rng.integers(2**63)))
    labels = [index % 2 for index in range(count)]
    dice.shuffle(labels)
    texts = distinct((partial(_review, dice, bool(label), unseen_words) for label in labels), avoid)
    return texts, np.array(labels, dtype=np.int64)


def distinct(makers: Iterable[Callable[[], str]], avoid: frozenset[str]) -> list[str]:
    """A text of each maker, asked until what it makes is none of the others, and none of `avoid`."""
    texts: dict[str, None] = {}  # an ordered set
    for make in makers:
        while (text := make()) in texts or text in avoid:
            pass
        texts[text] = None
    return list(texts)


def _review(dice: random.Random, positive: bool, unseen_words: bool) -> str:
    opinions, fillers = _sizes(dice)
    blocks = [_opinion(dice, positive, unseen_words) for _ in range(opinions)]
    blocks += [[_filler(dice, unseen_words)] for _ in range(fillers)]
    dice.shuffle(blocks)
    text = " ".join(sentence(dice, clause) for block in blocks for clause in block)
    return text.removesuffix("<br /><br />")


def _sizes(dice: random.Random) -> tuple[int, int]:
    """How many opinions and how many neutral sentences: some reviews are a line, some a page."""
    shape = dice.random()
    if shape < 0.12:
        return 1, dice.randint(0, 1)
    if shape < 0.94:
        return dice.randint(2, 4), dice.randint(0, 3)
    return dice.randint(4, 6), dice.randint(3, 6)


def _opinion(dice: random.Random, positive: bool, unseen_words: bool) -> list[str]:
    """One opinion, as one clause or as two in either order."""
    praise, blame = dice.choice(PRAISE), dice.choice(BLAME)
    yes, no = (praise, blame) if positive else (blame, praise)
    kind = dice.random()
    if kind < PLAIN:
        clauses = [dice.choice(CLAIMS)]
    elif kind < 0.6:
        clauses = [dice.choice(CONTRASTS)]
    else:
        clauses = [dice.choice(DENIALS), dice.choice(CLAIMS)]
        dice.shuffle(clauses)
    return [clause.format(the=_aspect(dice, unseen_words), yes=yes, no=no) for clause in clauses]


def _aspect(dice: random.Random, unseen_words: bool) -> str:
    noun = dice.choice(UNSEEN_ASPECTS if unseen_words and dice.random() < 0.15 else ASPECTS)
    return f"{dice.choice(OWNERS)} {noun}"


def _filler(dice: random.Random, unseen_words: bool) -> str:
    text = dice.choice(FILLERS)
    while "{name}" in text:
        names = UNSEEN_NAMES if unseen_words and dice.random() < 0.3 else NAMES
        text = text.replace("{name}", dice.choice(names), 1)
    return text.format(
        place=dice.choice(PLACES),
        genre=dice.choice(GENRES),
        minutes=dice.randint(61, 199),
        year=dice.randint(1930, 2019),
        **{slot: dice.choice(words) for slot, words in WORDS.items()},
    )


def sentence(dice: random.Random, clause: str, ends: Sequence[str] = ENDS) -> str:
    """A clause as people type it: mostly with a capital, now and then with a slip or in capitals."""
    if dice.random() < 0.1:
        clause = _slip(dice, clause.split(" "))
    text = clause.upper() if dice.random() < 0.03 else clause[0].upper() + clause[1:]
    return text + dice.choice(ends)


def _slip(dice: random.Random, words: Sequence[str]) -> str:
    """Type one of the short words twice; never a word that carries the opinion, nor a negation."""
    places = [at for at, word in enumerate(words) if word in {"the", "was", "is", "it", "a", "to", "and"}]
    if not places:
        return " ".join(words)
    at = dice.choice(places)
    return " ".join([*words[: at + 1], *words[at:]])
