"""TeX as MathML, which browsers draw by themselves; where it cannot be had, the TeX as it stands.

The TeX is a student's: the converter expands macros without end and passes styles, links and lengths through, so
that macros are not converted, and of what it makes only known elements and attributes are kept.
"""

from __future__ import annotations

import functools
import html
import re
from xml.etree import ElementTree

from latex2mathml.converter import convert_to_element
from markupsafe import Markup

MOST = 2000  # characters of a formula
_DEEPEST = 60
_NAMES = (
    "math mrow mi mn mo ms mtext mspace msup msub msubsup munder mover munderover mmultiscripts mprescripts none mfrac "
    "msqrt mroot mstyle mpadded mphantom menclose mtable mtr mtd merror"
)
_ELEMENTS = frozenset(_NAMES.split())
_WITH_WORDS = (
    "display displaystyle mathvariant stretchy fence form separator accent accentunder movablelimits largeop symmetric "
    "columnalign rowlines columnlines scriptlevel notation linebreak"
)
_WORDS = frozenset(_WITH_WORDS.split())
_WITH_LENGTHS = "width height depth lspace rspace linethickness minsize maxsize rowspacing columnspacing"
_LENGTHS = frozenset(_WITH_LENGTHS.split())
_WORD = re.compile(r"[A-Za-z0-9+ -]{1,60}")
_ONE = r"-?\d{0,2}(?:\.\d{1,4})?(?:em|ex|pt|px|mm|cm|mu)?"
_LENGTH = re.compile(f"{_ONE}(?: {_ONE}){{0,3}}")
_MACROS = re.compile(r"\\(?:(?:re)?newcommand|providecommand|g?def|let|DeclareMathOperator|(?:re)?newenvironment)")
# The converter knows these environments by the names of their outer forms.
_OUTER = [(re.compile(r"\\(begin|end)\{aligned\}"), r"\\\1{align*}"), (re.compile(r"\\nonumber|\\notag"), "")]


@functools.lru_cache(maxsize=4096)
def formula(tex: str, block: bool = False) -> Markup:
    """A formula as MathML, with its TeX as the text to fall back on."""
    element = None if len(tex) > MOST or _MACROS.search(tex) else _converted(tex, block)
    if element is None:
        return Markup('<code class="tex">{}</code>').format(tex)
    return Markup(ElementTree.tostring(element, encoding="unicode"))


def _converted(tex: str, block: bool) -> ElementTree.Element | None:
    for pattern, outer in _OUTER:
        tex = pattern.sub(outer, tex)
    try:
        return _cleaned(convert_to_element(tex, display="block" if block else "inline"), 0)
    except Exception:  # the converter has errors of many kinds, and none for much of what is no TeX
        return None


def _cleaned(element: ElementTree.Element, depth: int) -> ElementTree.Element:
    """A copy with known elements and attributes only; its texts, which hold entities, as the characters they mean."""
    if depth > _DEEPEST:
        raise RecursionError
    kept = element.tag if element.tag in _ELEMENTS else "mrow"
    copy = ElementTree.Element(kept, {name: text for name, text in element.attrib.items() if _harmless(name, text)})
    copy.text = html.unescape(element.text) if element.text else None
    copy.extend(_cleaned(child, depth + 1) for child in element)
    return copy


def _harmless(name: str, text: str) -> bool:
    if name in _LENGTHS:
        return _LENGTH.fullmatch(text) is not None
    return name in _WORDS and _WORD.fullmatch(text) is not None
