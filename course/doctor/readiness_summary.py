"""What `course doctor --summary` prints: a few lines that an instructor can collect, without anything private.

The block is JSON between two marks, in lines short enough for any mail program. Paths, and the names of the account
and the computer, are taken out; numbers of this machine stay, for they say whether it will do.
"""

import contextlib
import getpass
import json
import os
import platform
import re
import textwrap
from pathlib import Path

BEGIN, END = "--- course doctor: from here ---", "--- course doctor: to here ---"
PATHS = re.compile(
    r"(?:(?<![\w:/.])~?/(?!\s)|\b[A-Za-z]:[\\/]|\\\\)[^\s,;()'\"]*(?: [^\s,;()'\"]*[\\/][^\s,;()'\"]*)*"
)
HIDDEN = "(a folder)"
WIDE = 72


def block(seen, name=""):
    """The summary, as text.

    Args:
        seen: `(title, findings)` of every check of `course.doctor.doctor.examine`.
        name: who sends it; may be empty.
    """
    facts = summary(seen) | ({"name": " ".join(name.split())[:80]} if name.strip() else {})
    text = json.dumps(facts, ensure_ascii=True)
    # Cut between words alone, so that joining the lines with spaces gives the text back.
    lines = textwrap.wrap(text, WIDE, break_long_words=False, break_on_hyphens=False)
    return "\n".join([BEGIN, *lines, END])


def summary(seen):
    """What is sent, as a dictionary that JSON can hold."""
    import course

    facts = {
        "course": course.__version__,
        "system": f"{platform.system()} {platform.release().partition('-')[0]} {platform.machine()}",
        "python": platform.python_version(),
        "ready": all(finding.state != "problem" for _, findings in seen for finding in findings),
        "checks": {title: _worst(findings) for title, findings in seen},
        "problems": [],
        "facts": [],
    }
    for title, findings in seen:
        for finding in findings:
            text = f"{title}: {scrubbed(finding.text)}"
            if finding.state != "good":
                facts["problems"].append(f"{text} -> {scrubbed(finding.cure)}" if finding.cure else text)
            elif title in ("Memory", "Keras and devices"):
                facts["facts"].append(scrubbed(finding.text))
    return facts


def scrubbed(text):
    """The text without paths, and without the names of the account and the computer."""
    text = " ".join(text.split())
    for private in _private():
        text = text.replace(private, HIDDEN)
    return PATHS.sub(HIDDEN, text)[:300]


def _private():
    folders = {str(Path.home()), os.getcwd(), str(Path(os.path.realpath(os.getcwd())))}
    names = {platform.node()}
    with contextlib.suppress(
        KeyError, OSError, ImportError
    ):  # an account without a name, as in some containers
        names.add(getpass.getuser())
    # A short name such as "io" would tear words apart, and stands in paths only, which go anyway.
    return sorted({each for each in folders | names if len(each) > 4}, key=len, reverse=True)


def _worst(findings):
    states = [finding.state for finding in findings]
    return next((state for state in ("problem", "note") if state in states), "good")
