"""Which packages there are, and what an exercise says of them.

What is not on this machine is the machine's lack only if there is such a package at all: neither a slip of the pen nor
a file of the student's own that was not handed in. `known_packages.txt` beside this module tells without a network.
"""

from __future__ import annotations

import functools
import sys
from pathlib import Path
from typing import Any, Literal

from pydantic import model_validator

from grader.record import Frozen
from grader.sources import installed

_KNOWN = Path(__file__).with_name("known_packages.txt")
# What misspelt names are taken for.
_WELL_KNOWN = (
    *("torch", "torchvision", "torchaudio", "torchmetrics", "torchinfo", "numpy", "pandas", "matplotlib", "seaborn"),
    *(
        "scipy",
        "sklearn",
        "skimage",
        "tensorflow",
        "tensorboard",
        "keras",
        "transformers",
        "datasets",
        "plotly",
        "nltk",
    ),
    *("spacy", "gensim", "networkx", "requests", "tqdm", "ipywidgets", "torchviz", "cv2", "wandb", "optuna"),
    *("random", "collections", "itertools", "functools", "datetime", "statistics", "warnings", "typing", "pathlib"),
    *("string", "pickle", "dataclasses", "contextlib", "shutil", "math", "json"),
)
# What packages are called that are imported by another name.
_OTHERWISE_CALLED = {
    "pytorch": "torch",
    "opencv": "cv2",
    "opencv_python": "cv2",
    "cv": "cv2",
    "pillow": "PIL",
    "pil": "PIL",
    "scikit_learn": "sklearn",
    "scikitlearn": "sklearn",
    "scikit": "sklearn",
    "scikit_image": "skimage",
    "pyplot": "matplotlib.pyplot",
    "plt": "matplotlib.pyplot",
    "np": "numpy",
    "pd": "pandas",
    "sns": "seaborn",
    "tf": "tensorflow",
    "beautifulsoup4": "bs4",
    "beautifulsoup": "bs4",
    "pyyaml": "yaml",
}
# Names that students give to files of their own and that are close to a well-known one.
_OF_THEIR_OWN = ("network", "network_x", "dataset", "torch_", "rand", "maths", "stats", "strings", "types")

Lack = Literal["", "lacking", "forbidden", "misspelt", "own"]


@functools.cache
def _known() -> dict[str, str]:
    """Packages by the names that they are imported by, each with that which installs it."""
    lines = _KNOWN.read_text(encoding="utf-8").splitlines()
    words = [word for line in lines if not line.startswith("#") for word in line.split()]
    return {name: distribution or name for name, _, distribution in (word.partition("=") for word in words)}


def exists(package: str) -> bool:
    """Whether there is a package, or a module of Python's own, that is imported by this name."""
    return package in sys.stdlib_module_names or package in _known()


def distribution(package: str) -> str:
    """What to install for it."""
    return _known().get(package, package)


def misspelt(name: str) -> str:
    """The well-known package that a name is a slip of the pen for; "" if it is none, or a package itself."""
    if name in _OF_THEIR_OWN or exists(name):
        return ""
    if other := _OTHERWISE_CALLED.get(name.casefold()):
        return other
    plain = name.casefold().replace("_", "")
    return next((one for one in _WELL_KNOWN if name != one and (plain == one or _one_slip(plain, one))), "")


def _one_slip(one: str, other: str) -> bool:
    """Whether a letter is too many, missing, another one, or two have changed places; short names differ by more."""
    if min(len(one), len(other)) < 4 or abs(len(one) - len(other)) > 1:
        return False
    if len(one) == len(other):
        places = [n for n, (a, b) in enumerate(zip(one, other, strict=True)) if a != b]
        swapped = len(places) == 2 and places[1] == places[0] + 1 and one[places[0]] == other[places[1]]
        return len(places) == 1 or (swapped and one[places[1]] == other[places[0]])
    shorter, longer = sorted((one, other), key=len)
    return any(longer[:n] + longer[n + 1 :] == shorter for n in range(len(longer)))


class Packages(Frozen):
    """What an exercise says of packages.

    Attributes
    ----------
    allowed
        All right, whatever is forbidden, and packages, whether the grader knows them or not: one that is missing costs
        nobody points.
    forbidden
        An answer that hangs on one of these is wrong, on whatever machine. ``"*"``: all but those that are allowed and
        Python's own.
    """

    allowed: tuple[str, ...] = ()
    forbidden: tuple[str, ...] = ()

    @model_validator(mode="before")
    @classmethod
    def _of_a_list(cls, given: Any) -> Any:
        """A list is short for what is allowed."""
        return {"allowed": given} if isinstance(given, list | tuple) else given

    def forbids(self, package: str) -> bool:
        """Whether the exercise forbids a package. A file beside the notebook is none: that is for others to see."""
        if package in self.forbidden:
            return True
        mine = package in self.allowed or package in sys.stdlib_module_names
        return "*" in self.forbidden and not mine and (installed(package) or exists(package))

    def lack(self, package: str) -> Lack:
        """What is the matter with a package that a notebook could not import; "" if it is on this machine."""
        if self.forbids(package):
            return "forbidden"
        if installed(package):
            return ""
        if package in self.allowed or exists(package):
            return "lacking"
        return "misspelt" if misspelt(package) else "own"

    def hinders(self, package: str) -> bool:
        """Whether it is not the notebook's own slip that a package cannot be imported here."""
        return self.lack(package) in ("lacking", "forbidden")


# Of an exercise that says nothing.
ANY = Packages()
