"""Reads the prose of docstrings out of Python files: sentences, without tables, doctests and markup.

Files are parsed, never imported. Runs as a program of its own too, so that two can read at once:

    python course/data/prose.py FOLDER      one line of JSON for each docstring: a list of sentences
"""

import ast
import json
import re
import sys
import warnings
from pathlib import Path

# Tests, generated code and other people's packages.
LEFT_OUT = {
    "tests",
    "test",
    "testing",
    "site-packages",
    "idlelib",
    "lib2to3",
    "_api",
    "compiler",
    "lite",
    "_vendor",
}
SHORTEST, LONGEST = 4, 40  # words of a sentence
# What shows that a paragraph is a table, code, a list or a directive of Sphinx.
NO_PROSE = re.compile(
    r">>>|```|::|--|==|~~|__|^\s*(\.\.|[-*+|>$#]|\d+[.)])|^\s|^[\w*, ]+ ?:( |$)|@\w", re.MULTILINE
)
ROLE = re.compile(r":[\w:]+:`~?([^`<]*?)(?: *<[^>]*>)?`_*")  # :func:`name <target>`
MARKUP = re.compile(r"`+|\*\*|(?<!\w)\*(?=\w)|(?<=\w)\*(?!\w)|(?<=\w)_(?=[\s.,;])|\[\d+\]_?|\\")
END = re.compile(r"(?<=[.!?])[\"')]*\s+(?=[\"'(]?[A-Z])")
ABBREVIATION = re.compile(r"\b(e\.g|i\.e|cf|vs|etc|Eq|Fig|al|approx|resp|No|Ref)\.$")
PLAIN = re.compile(r"[A-Za-z][A-Za-z'\-]*[,;:.!?)\"']*|[\"'(][A-Za-z][A-Za-z'\-]*[,;:.!?)\"']*")


def sentences(docstring):
    """The sentences of a docstring's plain paragraphs.

    Args:
        docstring: text, its indentation already taken away.

    Returns:
        A list of `str`, each 4 to 40 words, mostly words indeed, ending in a full stop or the like.
    """
    found = []
    for paragraph in re.split(r"\n\s*\n", docstring):
        if NO_PROSE.search(paragraph):
            continue
        text = MARKUP.sub("", ROLE.sub(r"\1", " ".join(paragraph.split())))
        parts = END.split(text)
        number = 0
        while number < len(parts):
            if ABBREVIATION.search(parts[number]) and number + 1 < len(parts):
                parts[number : number + 2] = [" ".join(parts[number : number + 2])]
                continue
            number += 1
        found += [part for part in parts if is_sentence(part)]
    return found


def is_sentence(text):
    """Whether a text reads like a sentence of words rather than like code or a heading."""
    words = text.split()
    if not SHORTEST <= len(words) <= LONGEST or not text.isascii() or text[-1] not in ".!?":
        return False
    return text[0].isupper() and sum(bool(PLAIN.fullmatch(word)) for word in words) >= 0.8 * len(words)


def documents(folder):
    """The docstrings of all Python files below a folder, as lists of sentences, in an order that never changes."""
    folder = Path(folder)
    for path in sorted(folder.rglob("*.py")):
        if LEFT_OUT & set(path.relative_to(folder).parts[:-1]) or path.stem.endswith("_test"):
            continue
        try:
            source = path.read_bytes()
            if b'"""' not in source:
                continue
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # other people's escapes
                tree = ast.parse(source)
        except (OSError, SyntaxError, ValueError):
            continue
        for node in ast.walk(tree):
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
                found = sentences(ast.get_docstring(node) or "")
                if found:
                    yield found


if __name__ == "__main__":
    for document in documents(sys.argv[1]):
        print(json.dumps(document))
