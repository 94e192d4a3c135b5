"""Reads the summaries that participants sent before a workshop, and says who is ready and what ails the others."""

import json
import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from course.doctor.readiness_summary import BEGIN, END
from course.errors import CourseError

QUOTED = re.compile(r"^[>\s|]+", re.MULTILINE)  # what mail programs put in front of forwarded lines


@dataclass(frozen=True)
class Answer:
    """One summary. `who` is its name, or the file it came in; `facts` what `course.doctor.readiness_summary.summary` made."""

    who: str
    facts: dict

    @property
    def ready(self):
        return self.facts.get("ready") is True

    @property
    def problems(self):
        return [str(problem) for problem in self.facts.get("problems", [])]


def read_answers(paths):
    """All summaries in files and folders, as text or mail; the last one of each name counts.

    Returns:
        `(answers, without)`: a list of `Answer`, and the paths of files in which there is no sound summary.

    Raises:
        CourseError: if a path is missing.
    """
    found, without = {}, []
    for path in _files(map(Path, paths)):
        blocks = list(_blocks(path.read_text(encoding="utf-8", errors="replace")))
        if not blocks:
            without.append(path)
        for number, facts in enumerate(blocks, start=1):
            who = str(facts.get("name") or "") or (
                path.stem if len(blocks) == 1 else f"{path.stem} ({number})"
            )
            found[who] = Answer(who, facts)
    return sorted(found.values(), key=lambda answer: (answer.ready, answer.who.lower())), without


def common_problems(answers):
    """`(problem, how many have it)`, most frequent first; numbers in it are left out of the comparison."""
    counted = Counter(re.sub(r"\d[\d.]*", "N", problem) for answer in answers for problem in answer.problems)
    return counted.most_common()


def _files(paths):
    for path in paths:
        if path.is_dir():
            yield from sorted(
                each for each in path.iterdir() if each.is_file() and not each.name.startswith(".")
            )
        elif path.exists():
            yield path
        else:
            raise CourseError(f"There is no file or folder {path}.")


def _blocks(text):
    """Every summary in a text; what is damaged is left out."""
    for piece in text.split(BEGIN)[1:]:
        inside = QUOTED.sub("", piece.partition(END)[0])
        try:
            facts = json.loads(" ".join(inside.split()))
        except ValueError:
            continue
        if isinstance(facts, dict):
            yield facts
