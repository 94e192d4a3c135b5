"""How Sphinx makes the documentation site. `autograder site` gathers the pages first."""

import re

import latex2mathml.converter
from docutils import nodes

project = "transformer-labs"
author = copyright = "the transformer-labs contributors"
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
myst_enable_extensions = ["dollarmath", "deflist"]
myst_heading_anchors = 3
suppress_warnings = ["myst.header"]  # pages generated from notebooks may begin below the first level
html_theme = "furo"
html_static_path = ["css"]
html_css_files = ["code.css"]
html_title = "transformer-labs"
html_copy_source = False
html_show_sphinx = False
html_math_renderer = "mathml"
napoleon_use_ivar = True
napoleon_use_rtype = False
autodoc_member_order = "bysource"
autodoc_default_options = {"members": True, "undoc-members": False, "ignore-module-all": True}
autodoc_inherit_docstrings = False
autodoc_typehints = "none"
autodoc_preserve_defaults = True


def _inline(self, node):
    self.body.append(latex2mathml.converter.convert(node.astext()))
    raise nodes.SkipNode


def _display(self, node):
    formula = latex2mathml.converter.convert(node.astext().strip(), display="block")
    self.body.append(f'<div style="overflow-x: auto; padding: 0.5em 0">{formula}</div>')  # scrolls on a phone
    raise nodes.SkipNode


CODE = re.compile(r"(?<![`\\w])`([^`]+)`(?!`)")
SECTION = re.compile(r"\s*[A-Z]\w+:$")


def _for_sphinx(app, what, name, obj, options, lines):
    """Docstrings are written for people at a terminal: `x` is code, and so is what stands indented after a gap."""
    made, blank, depth = [], False, 0
    for line in lines:
        indent = len(line) - len(line.lstrip())
        if line.strip() and blank and indent > depth and not SECTION.match(line):
            made += [" " * depth + "::", ""]
        if line.strip():
            depth = indent
        blank = not line.strip()
        made.append(line)
    lines[:] = CODE.sub(r"``\1``\\ ", "\n".join(made)).split("\n")


def setup(app):
    """Formulas become MathML, which browsers draw themselves: no script, no network."""
    app.add_html_math_renderer("mathml", (_inline, None), (_display, None))
    app.connect("autodoc-process-docstring", _for_sphinx, priority=100)  # before napoleon reads sections
