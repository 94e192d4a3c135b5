"""Enters whoever joins into nbgrader's gradebook under the name they wrote, which formgrader shows."""

import contextlib
import threading
import unicodedata

from autograder.classroom.submissions import load_config

FAMILY_FIRST = ("CJK UNIFIED", "CJK COMPAT", "HIRAGANA", "KATAKANA", "HANGUL")
_ONE_AT_A_TIME = threading.Lock()


def split_name(alias):
    """`(first name, last name)` of a name as its owner wrote it.

    The family name comes first in Chinese, Japanese and Korean, before a comma, and else last. A name of one word is a
    last name: nbgrader shows the last name first.
    """
    alias = " ".join(alias.split())
    last, comma, first = alias.partition(",")
    if comma:
        return first.strip(), last.strip()
    words = alias.split(" ")
    if len(words) == 1:
        return "", alias
    if any(unicodedata.name(letter, "").startswith(FAMILY_FIRST) for letter in alias):
        return " ".join(words[1:]), words[0]
    return " ".join(words[:-1]), words[-1]


def enter(course_dir, user, alias):
    """Enter a learner. What a person wrote there already stays, and a gradebook that is busy costs nobody anything.

    Returns:
        Whether the gradebook has a name for them now.
    """
    from nbgrader.api import Gradebook, MissingEntry
    from nbgrader.coursedir import CourseDirectory

    with _ONE_AT_A_TIME, contextlib.suppress(Exception):  # names can wait; the room cannot
        coursedir = CourseDirectory(config=load_config(course_dir))
        with Gradebook(coursedir.db_url, coursedir.course_id) as gradebook:
            with contextlib.suppress(MissingEntry):
                known = gradebook.find_student(user)
                if known.first_name or known.last_name:
                    return True
            first, last = split_name(alias)
            gradebook.update_or_create_student(user, first_name=first, last_name=last)
        return True
    return False
