"""Markdown as HTML that needs nothing from anywhere: formulas become MathML, which browsers draw themselves."""

import functools
import html
import re

from autograder.teaching.handouts.outline import blocks
from course.errors import CourseError

INLINE = re.compile(r"(`+).+?\1|\$(?!\s)(?P<formula>[^$\n]+?)(?<!\s)\$", re.DOTALL)
NAMES = re.compile(r"\\text(?:tt|rm|sf|bf|it)?\{[^{}]*\}")
# What ends in a full stop and ends no sentence.
SHORT = re.compile(r"(?:\b(?:al|e\.g|i\.e|cf|vs|Fig|Eq|Sec|Tab|no|pp?|approx)|\b[A-Z])\.$")
END = re.compile(r"(?<=[.!?])[\"')*]*\s+(?=[\"'(*`$A-Z0-9])")
# Markdown must leave formulas alone, so they wait outside under a name it has no rule for.
KEPT = "\x02{}\x03"


def in_html(text):
    """Markdown with `$formulas$` as HTML. Raw HTML in it is escaped."""
    return "".join(block_in_html(block) for block in blocks(text))


def block_in_html(block):
    """One `outline.Block` as HTML."""
    if block.kind == "math":
        return f'<div class="formula">{mathml(block.text.strip().strip("$"), "block")}</div>'
    if block.kind == "code":
        return _markdown()(block.text)
    kept = []

    def keep(found):
        if found["formula"] is None:
            return found[0]
        kept.append(mathml(found["formula"]))
        return KEPT.format(len(kept) - 1)

    text = _markdown()(INLINE.sub(keep, block.text))
    return re.sub("\x02(\\d+)\x03", lambda found: kept[int(found[1])], text)


def inline(text):
    """One line of Markdown as HTML without a paragraph around it."""
    made = in_html(" ".join(text.split())).strip()
    return made.removeprefix("<p>").removesuffix("</p>")


@functools.cache
def mathml(formula, display="inline"):
    """LaTeX as MathML; a formula that is beyond the converter is shown as it is written."""
    convert = _needed("latex2mathml.converter").convert
    # Inside \text{...} an underscore needs its backslash for LaTeX only.
    plain = NAMES.sub(lambda found: found[0].replace(r"\_", "_"), formula.strip())
    try:
        return convert(plain, display=display)
    except Exception:  # the converter has no error class of its own that covers all it raises
        return f"<code>{html.escape(formula)}</code>"


def sentences(text):
    """The sentences of a paragraph. Full stops in formulas, code and abbreviations end none."""
    protected = [found.span() for found in INLINE.finditer(text)]
    found, start = [], 0
    for end in END.finditer(text):
        inside = any(first < end.start() < last for first, last in protected)
        if inside or SHORT.search(text[start : end.start()]):
            continue
        found.append(text[start : end.end()].strip())
        start = end.end()
    return [*found, text[start:].strip()] if text[start:].strip() else found


def shortened(text, characters):
    """As many whole sentences as fit, and at least one."""
    kept, left = [], sentences(text)
    while left and (not kept or len(" ".join([*kept, left[0]])) <= characters):
        kept.append(left.pop(0))
    if left and len(kept) > 1 and kept[-1].endswith("?"):  # a question without its answer
        kept.pop()
    return " ".join(kept)


def _needed(name):
    """A package of the extra `slides`.

    Raises:
        CourseError: if it is not installed; the text says how.
    """
    import importlib

    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise CourseError(
            f"{name.partition('.')[0]} is not installed: in the checkout, run  pip install -c constraints.txt -e '.[slides]'"
        ) from error


@functools.cache
def _markdown():
    return _needed("mistune").create_markdown(plugins=["table", "strikethrough"])
