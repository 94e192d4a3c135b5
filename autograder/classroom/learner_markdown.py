"""A learner's Markdown as HTML that is safe to show and needs nothing from anywhere.

Raw HTML is shown as it is written, links lead nowhere but to the web, pictures are those pasted into the cell alone, and
formulas become MathML, which browsers draw themselves.
"""

import base64
import binascii
import functools
import html
import re
from xml.etree import ElementTree

import mistune
from latex2mathml.converter import convert

PICTURES = {"image/png": b"\x89PNG", "image/jpeg": b"\xff\xd8", "image/gif": b"GIF8", "image/webp": b"RIFF"}
LARGEST = 4 << 20  # bytes of one pasted picture, in base64
MOST = 100_000  # characters of one text
MOST_FORMULA = 2_000
# A dollar that opens a formula has no blank behind it, and one that closes it no digit: "$5 and $6" is money.
TAGS = frozenset(
    [
        "math",
        "menclose",
        "merror",
        "mfenced",
        "mfrac",
        "mi",
        "mmultiscripts",
        "mn",
        "mo",
        "mover",
        "mpadded",
        "mphantom",
        "mprescripts",
        "mroot",
        "mrow",
        "ms",
        "mspace",
        "msqrt",
        "mstyle",
        "msub",
        "msubsup",
        "msup",
        "mtable",
        "mtd",
        "mtext",
        "mtr",
        "munder",
        "munderover",
        "none",
    ]
)
ATTRIBUTES = frozenset(
    [
        "accent",
        "columnalign",
        "columnlines",
        "columnspacing",
        "depth",
        "display",
        "displaystyle",
        "fence",
        "form",
        "height",
        "largeop",
        "linethickness",
        "lspace",
        "mathvariant",
        "maxsize",
        "minsize",
        "movablelimits",
        "rowlines",
        "rowspacing",
        "rspace",
        "scriptlevel",
        "separator",
        "stretchy",
        "voffset",
        "width",
    ]
)
INLINE = r"\$(?!\s)(?P<formula>[^$\n]+?)(?<!\s)\$(?!\d)"


def in_html(text: str, attachments: dict | None = None) -> str:
    """Markdown as HTML.

    Args:
        text: what stands in a cell.
        attachments: the cell's pasted pictures, as nbformat keeps them: name -> {MIME type: base64}.
    """
    renderer = _Renderer(attachments or {})
    markdown = mistune.Markdown(
        renderer, plugins=[_table(), mistune.plugins.import_plugin("strikethrough"), _formulas]
    )
    return markdown(text[:MOST])


@functools.cache
def mathml(formula: str, display: str = "inline") -> str:
    """LaTeX as MathML; what the converter cannot read is shown as it is written."""
    if len(formula) <= MOST_FORMULA:
        try:
            return _sound(ElementTree.fromstring(convert(formula.strip(), display=display)))
        except Exception:  # the converter has no error class of its own that covers all it raises
            pass
    return f"<code>{html.escape(formula)}</code>"


def _sound(element):
    """An element with MathML's own tags and attributes alone: the converter lets `\\text{<script>}` and links through."""
    tag = element.tag.rpartition("}")[2]
    inside = html.escape(element.text or "", quote=False) + "".join(
        _sound(child) + html.escape(child.tail or "", quote=False) for child in element
    )
    if tag not in TAGS:
        return inside
    kept = [f' {name}="{html.escape(value)}"' for name, value in element.items() if name in ATTRIBUTES]
    return f"<{tag}{''.join(kept)}>{inside}</{tag}>"


class _Renderer(mistune.HTMLRenderer):
    def __init__(self, attachments):
        super().__init__(escape=True)
        self._attachments = attachments

    def image(self, text, url, title=None):
        source = _picture(self._attachments, url.removeprefix("attachment:"))
        alt = html.escape(text or "picture")
        return f'<img alt="{alt}" src="{source}">' if source else f"<em>[{alt}]</em>"

    def link(self, text, url, title=None):
        if not url.startswith(("https://", "http://", "#")):
            return text
        return f'<a href="{html.escape(url)}" rel="noopener noreferrer nofollow">{text}</a>'

    def heading(self, text, level, **attributes):
        return f"<p><strong>{text}</strong></p>\n"  # a page has its own headings

    def inline_math(self, text):
        return mathml(text)

    def block_math(self, text):
        return f'<div class="formula" tabindex="0">{mathml(text, "block")}</div>\n'


def _picture(attachments, name):
    """The pasted picture as a `data:` address; empty if it is none."""
    kinds = attachments.get(name) if isinstance(attachments, dict) else None
    for kind, content in (kinds or {}).items() if isinstance(kinds, dict) else ():
        if kind in PICTURES and isinstance(content, str) and len(content) <= LARGEST:
            try:
                raw = base64.b64decode(content, validate=False)
            except (binascii.Error, ValueError):
                continue
            if raw.startswith(PICTURES[kind]):
                return f"data:{kind};base64,{base64.b64encode(raw).decode()}"
    return ""


def _formulas(markdown):
    """`$inline$` and `$$block$$`, before Markdown's own rules can touch what is in them."""
    markdown.block.register("block_math", r"^ {0,3}\$\$(?P<block>[\s\S]+?)\$\$[ \t]*$", _block, before="list")
    markdown.inline.register("inline_math", INLINE, _inline, before="link")


def _block(block, found, state):
    state.append_token({"type": "block_math", "raw": found["block"]})
    return found.end() + 1


def _inline(inline, found, state):
    state.append_token({"type": "inline_math", "raw": found["formula"]})
    return found.end()


def _table():
    return mistune.plugins.import_plugin("table")


def plain(text: str) -> str:
    """What makes two answers the same: letters and signs, however they are spaced."""
    return re.sub(r"\s+", " ", text).strip()
