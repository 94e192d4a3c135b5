"""What a room got wrong: counts that a workshop's board leaves behind, put beside the misconceptions we know.

A file is JSON, a list of `{"exercise": ..., "mistake": ..., "count": ...}`, or CSV with these columns. Other columns are
left alone; a row without a count counts once. `mistake` is the name of a misconception, its sentence, or anything else
that a check said.
"""

import csv
import io
import json
from collections import Counter
from pathlib import Path

from course.errors import CourseError

FORM = 'a list of {"exercise": ..., "mistake": ..., "count": ...}, or CSV with these columns'


def read_counts(path):
    """`{exercise: Counter of mistakes}` from a JSON or CSV file.

    Raises:
        CourseError: if there is no such file or it holds something else; the text says where.
    """
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise CourseError(
            f"{path} cannot be read as text: {getattr(error, 'strerror', None) or error}."
        ) from error
    counts = {}
    for number, row in enumerate(_rows(path, text), start=1):
        try:
            exercise, mistake = str(row["exercise"]).strip(), " ".join(str(row["mistake"]).split())
            count = int(row.get("count") or 1)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise CourseError(f"{path}, entry {number}: the file must be {FORM}.") from error
        if mistake:
            counts.setdefault(exercise, Counter())[mistake] += count
    return counts


def _rows(path, text):
    if text.lstrip().startswith(("[", "{")):
        try:
            found = json.loads(text)
        except ValueError as error:
            raise CourseError(f"{path} is no sound JSON ({error}); it must be {FORM}.") from error
        if isinstance(found, list):
            return found
        raise CourseError(f"{path} must be {FORM}.")
    return list(csv.DictReader(io.StringIO(text)))


def ranked(entries, seen):
    """The misconceptions of an exercise, most frequent first, then what was seen and is none of them.

    Args:
        entries: `autograder.hidden.entries.Entry` of one exercise.
        seen: `Counter` of mistakes, by name or by sentence.

    Returns:
        `[(sentence, count)]`; those never seen keep the bank's order, at the end of the known ones.
    """
    left = Counter(seen)
    known = []
    for entry in entries:
        known.append(
            (entry.feedback, left.pop(entry.name, 0) + left.pop(" ".join(entry.feedback.split()), 0))
        )
    known.sort(key=lambda row: -row[1])
    return known, left.most_common()
