"""The markdown cells of a notebook, rendered: with formulas, tables, and the pictures that a cell carries."""

from __future__ import annotations

import functools
import re
import secrets
from collections.abc import Mapping, MutableMapping, Sequence
from typing import Any
from urllib.parse import unquote

from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from markupsafe import Markup, escape
from mdit_py_plugins.dollarmath import dollarmath_plugin

from grader.render.html.cleaning import known_tag, markup, picture, text
from grader.render.html.formulas import formula

MOST = 12_000  # characters that are rendered; longer cells are shown as they are written
_CACHED = 8_000  # longer ones are nobody's starter, and would fill the cache
_FORMULAS = 300
_TAG = re.compile(r"</?([A-Za-z][A-Za-z0-9]*)")
# A tag as the cleaner writes it; between two of them is text.
_TAGS = re.compile(r'(<[^>"]*(?:"[^"]*"[^>"]*)*>)')

Pictures = Mapping[str, Mapping[str, str]]
_Env = MutableMapping[str, Any]


def rendered(source: str, attachments: Pictures | None = None, formulas: bool = True) -> Markup:
    """A markdown cell as HTML.

    Parameters
    ----------
    attachments
        The cell's pictures: name, MIME type, base64.
    formulas
        Whether TeX becomes formulas.
    """
    source = text(source)
    if len(source) > MOST:
        return Markup("<pre>{}</pre>").format(source)
    if not formulas or len(source) > _CACHED:
        return _rendered(source, attachments or {}, formulas)
    if not attachments:
        return _same(source)
    return _same_with_pictures(source, tuple((name, *kinds.items()) for name, kinds in attachments.items()))


@functools.lru_cache(maxsize=1024)
def _same(source: str) -> Markup:
    return _rendered(source, {}, True)


@functools.lru_cache(maxsize=32)
def _same_with_pictures(source: str, attachments: tuple[Any, ...]) -> Markup:
    return _rendered(source, {name: dict(kinds) for name, *kinds in attachments}, True)


def _rendered(source: str, attachments: Pictures, formulas: bool) -> Markup:
    env: dict[str, Any] = {
        "attachments": attachments,
        "formulas": [],
        "mark": secrets.token_hex(8),
        "convert": formulas,
    }
    parser = _parser()
    tokens = parser.parse(source, env)
    for token in tokens:
        _fitted(token)
    return _with_formulas(markup(parser.renderer.render(tokens, parser.options, env)), env)


@functools.cache
def _parser() -> MarkdownIt:
    parser = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
    parser.use(dollarmath_plugin, allow_labels=False, allow_space=True, allow_digits=False, double_inline=True)
    parser.add_render_rule("math_inline", _formula)
    parser.add_render_rule("math_inline_double", _formula)
    parser.add_render_rule("math_block", _formula)
    parser.add_render_rule("image", _image)
    parser.add_render_rule("html_inline", _inline)
    return parser


def _fitted(token: Token) -> None:
    """Headings below those of the page; the alignment of a table's cells without a style."""
    if token.type in ("heading_open", "heading_close"):
        token.tag = f"h{min(6, int(token.tag[1]) + 2)}"
    elif style := token.attrs.pop("style", None):
        token.attrSet("align", str(style).removeprefix("text-align:"))


# ---------------------------------------------------------------------- what markdown-it leaves to us


def _formula(self: RendererHTML, tokens: Sequence[Token], place: int, options: Any, env: _Env) -> str:
    """A mark in the formula's place, since the cleaner knows no MathML."""
    token = tokens[place]
    if not env["convert"] or len(env["formulas"]) >= _FORMULAS:
        return f"<code>{escape(token.content)}</code>"
    block = token.type != "math_inline"
    env["formulas"].append(formula(token.content.strip(), block))
    mark = f"{env['mark']}:{len(env['formulas']) - 1}:"
    return f"<div>{mark}</div>" if token.type == "math_block" else mark


def _image(self: RendererHTML, tokens: Sequence[Token], place: int, options: Any, env: _Env) -> str:
    """A picture that the cell carries; of one elsewhere what it is called."""
    token = tokens[place]
    alt = escape(self.renderInlineAsText(token.children or [], options, env))
    address = str(token.attrs.get("src", ""))
    if address.startswith("attachment:"):
        address = _attached(env["attachments"].get(unquote(address.removeprefix("attachment:")), {}))
    if address.startswith("data:"):
        return f'<img src="{escape(address)}" alt="{alt}">'
    return f'<a href="{escape(address)}">{alt or escape(address)}</a>' if address else str(alt)


def _attached(kinds: Mapping[str, str]) -> str:
    return next((found for kind, data in kinds.items() if (found := picture(kind, data))), "")


def _inline(self: RendererHTML, tokens: Sequence[Token], place: int, options: Any, env: _Env) -> str:
    """A tag as it stands if it is one; `<OOV>`, say, is text."""
    content = tokens[place].content
    name = _TAG.match(content)
    return content if name and known_tag(name[1].lower()) else str(escape(content))


def _with_formulas(cleaned: Markup, env: Mapping[str, Any]) -> Markup:
    """The formulas in the places of their marks, where these stand in text: never within a tag."""
    formulas: list[Markup] = env["formulas"]
    if not formulas:
        return cleaned
    mark = re.compile(f"{env['mark']}:([0-9]+):")
    parts = _TAGS.split(str(cleaned))
    parts[::2] = [mark.sub(lambda found: str(formulas[int(found[1])]), part) for part in parts[::2]]
    return Markup("".join(parts))
