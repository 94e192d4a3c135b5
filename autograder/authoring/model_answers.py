"""Reads `solutions/model_answers/LAB.md`: what a good answer to each written question says, and how its points are shared out.

    ## why_heads

    One or more paragraphs of Markdown.

    Points:

    - 1: sees that every head has a softmax of its own
    - 0.5: only says "more is better"
    - -0.5: speaks of speed without saying when
    - Note: nobody needs to know the name

A line with points is one that a marker clicks (`autograder mark`); a note is there to be read. The points of all lines
above 0 come to at least those of the question, so that full marks can be clicked.
"""

import re
from dataclasses import dataclass
from pathlib import Path

from course.notebooks.lesson import LessonError

HEADING = re.compile(r"## +(?P<name>\S+) *$")
LINE = re.compile(r"- (?:(?P<points>-?\d+(?:\.\d+)?)|Note): +(?P<says>\S.*)$")


@dataclass(frozen=True)
class RubricLine:
    """One line of a rubric. `points` may be below 0; a note for the marker has `None`."""

    points: float | None
    says: str


@dataclass(frozen=True)
class ModelAnswer:
    """What answers a question.

    Attributes:
        text: Markdown.
        rubric: the `RubricLine`s, in their order.
        line: of its heading in the file.
    """

    text: str
    rubric: tuple[RubricLine, ...]
    line: int = 1

    def in_markdown(self) -> str:
        """Answer and rubric, for whoever reads the source notebook or the guide."""
        rows = [
            f"- {f'{line.points:g}' if line.points is not None else 'Note'}: {line.says}"
            for line in self.rubric
        ]
        return "\n\n".join([self.text, "Points:", "\n".join(rows)])


def model_answers(root: Path, name: str) -> dict[str, ModelAnswer]:
    """The model answers of a lab by question; empty if it has no such file.

    Args:
        root: the project's folder, which holds `solutions/`.
        name: the lab's name, such as `attention`.

    Raises:
        LessonError: with the line, for text that belongs to no question, a doubled one, an answer without text or
            rubric, or a line of the rubric that cannot be read.
    """
    path = answers_path(root, name)
    if not path.exists():
        return {}
    found, start, rows = {}, None, []
    lines = [*path.read_text(encoding="utf-8").splitlines(), None]
    for number, row in enumerate(lines, start=1):
        heading = HEADING.match(row) if row is not None else None
        if row is not None and heading is None:
            rows.append((number, row))
            continue
        if start is not None:
            found[start[0]] = _read(path, start[1], rows)
        elif any(text.strip() and not text.startswith("# ") for _, text in rows):
            raise LessonError(path, 1, "text before the first `## QUESTION`")
        if heading and heading["name"] in found:
            raise LessonError(path, number, f"question {heading['name']!r} is answered twice")
        start, rows = (heading and (heading["name"], number)), []
    return found


def answers_path(root: Path, name: str) -> Path:
    """The file that holds a lab's model answers."""
    return Path(root) / "solutions" / "model_answers" / f"{name}.md"


def _read(path, line, rows):
    split = next((at for at, (_, text) in enumerate(rows) if text.strip() == "Points:"), len(rows))
    text = "\n".join(row for _, row in rows[:split]).strip()
    if not text:
        raise LessonError(path, line, "this model answer says nothing")
    rubric = []
    for number, row in rows[split + 1 :]:
        if not row.strip():
            continue
        read = LINE.match(row)
        if read is None:
            raise LessonError(
                path, number, "a line below `Points:` is `- NUMBER: WHAT EARNS IT` or `- Note: ...`"
            )
        rubric.append(RubricLine(float(read["points"]) if read["points"] else None, read["says"].strip()))
    if not any(one.points for one in rubric):
        raise LessonError(
            path, line, "this model answer has no rubric: `Points:`, and lines `- 1: WHAT EARNS IT`"
        )
    return ModelAnswer(text, tuple(rubric), line)


def expect_rubric(answer: ModelAnswer, points: float, path: Path) -> None:
    """Raise `LessonError` unless full marks can be clicked together."""
    most = sum(max(line.points or 0, 0) for line in answer.rubric)
    if most < points:
        raise LessonError(
            path, answer.line, f"the rubric's lines come to {most:g} of the question's {points:g} points"
        )
