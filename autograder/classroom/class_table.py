"""The table of a graded class, for any width of terminal."""

from rich.cells import cell_len, set_cell_size
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from autograder.judge.outcome import Status

WORDS_NEED = 44  # characters a column of sentences must have to be read with pleasure

LONGEST_NAME = 24


class ClassTable:
    """One row per learner: marks by exercise, total, and what went wrong in words.

    Where a terminal is too narrow for a column of sentences, they stand under the marks.
    """

    def __init__(self, lesson, graded, lateness=None, left_out=None):
        self.lesson, self.lateness, self.left_out = lesson, lateness or {}, left_out or {}
        known = {student for student, _ in graded}
        absent = [(student, None) for student in self.left_out if student not in known]
        self.graded = sorted([*graded, *absent], key=lambda pair: pair[0])
        self.heads = [
            f"{number}\n/{c.points:g}" for number, c in enumerate(lesson.exercises.values(), start=1)
        ]
        self.heads.append(f"all\n/{sum(cell.points for cell in lesson.exercises.values()):g}")
        name = lesson.title if getattr(lesson, "several", False) else lesson.lab
        self.title = f"{name}: {len(graded)} submission{'' if len(graded) == 1 else 's'}"
        self.title += f", {len(absent)} learner{'' if len(absent) == 1 else 's'} without" if absent else ""

    def __rich_console__(self, console, options):
        names = max([cell_len(student) for student, _ in self.graded] + [7])
        taken = names + 4 + 7 * len(self.heads) + 2
        yield from self._wide() if options.max_width - taken >= WORDS_NEED else self._narrow(names)

    def _marks(self, student, verdict):
        if verdict is None or verdict.regrade:
            return [Text("-" if verdict is None else "?")] * len(self.heads)
        late = self.lateness.get(student)
        points = verdict.points - (late.off(verdict.points) if late else 0)
        total = Text(f"{round(points, 2):g}", style="bold")
        return [*(Text(f"{mark.points:g}", style=_colour(mark)) for mark in verdict.marks), total]

    def _wide(self):
        table = Table(title=self.title, show_lines=True, title_justify="left", expand=False)
        table.add_column("student", style="bold", no_wrap=True)
        for head in self.heads:
            table.add_column(head, justify="right")
        table.add_column("what went wrong", overflow="fold", ratio=1)
        for student, verdict in self.graded:
            table.add_row(Text(student), *self._marks(student, verdict), self._words(student, verdict))
        yield table

    def _narrow(self, names):
        names = min(names, LONGEST_NAME)
        marks = [self._marks(student, verdict) for student, verdict in self.graded]
        parts = [head.split("\n") for head in self.heads]
        widths = [
            max([len(part) for part in parts[k]] + [len(row[k]) for row in marks if k < len(row)])
            for k in range(len(parts))
        ]
        yield Text(self.title, style="italic")
        for line in (0, 1):
            cells = [f"{part[line]:>{width}}" for part, width in zip(parts, widths, strict=True)]
            yield Text(" " * names + "  " + "  ".join(cells), style="dim", no_wrap=True)
        for (student, verdict), row in zip(self.graded, marks, strict=True):
            line = Text(set_cell_size(student, names), style="bold", no_wrap=True)
            for mark, width in zip(row, widths, strict=False):
                line.append("  " + " " * (width - len(mark))).append_text(mark)
            yield line
            words = self._words(student, verdict)
            if words:
                yield Padding(Text.from_markup(words), (0, 0, 0, 4), expand=False)

    def _words(self, student, verdict):
        """Why there is no mark, what lateness costs, what went wrong."""
        from rich.markup import escape

        reason, late = self.left_out.get(student), self.lateness.get(student)
        rows = [f"[magenta]{escape(reason)}[/]"] if reason else []
        rows += [f"[yellow]{escape(late.words)}[/]"] if late is not None and late.words else []
        rows += [what_went_wrong(verdict)] if verdict is not None else []
        return "\n".join(filter(None, rows))


def class_table(lesson, graded, lateness=None, left_out=None):
    """One row per learner, for any width of terminal.

    Args:
        lesson: the `Lesson`.
        graded: `(student, Verdict)` pairs.
        lateness: student -> `Lateness`, which comes off the total.
        left_out: student -> why there is nothing to grade.
    """
    return ClassTable(lesson, graded, lateness, left_out)


def class_facts(lesson, graded, lateness, left_out, failed=None):
    """What the table shows, in plain values for `--json`.

    Args:
        failed: student -> why that one is still to be graded.
    """
    return {
        "lab": lesson.lab,
        "points": sum(cell.points for cell in lesson.exercises.values()),
        "learners": [
            {
                "student": student,
                "points": None if verdict.regrade else verdict.points,
                "late": _late_facts(lateness.get(student), verdict),
                "regrade": verdict.regrade or None,
                "notes": [note.text for note in verdict.notes],
                "exercises": [
                    {
                        "name": mark.exercise,
                        "points": mark.points,
                        "of": mark.max_points,
                        "mistake": mark.diagnosis or None,
                        "problems": mark.problems,
                    }
                    for mark in verdict.marks
                ],
            }
            for student, verdict in graded
        ],
        "left_out": left_out,
        "still_to_do": failed or {},
    }


def _late_facts(late, verdict):
    if late is None or (late.handed_in is None and not late.words):
        return None
    return {
        "handed_in": late.handed_in and f"{late.handed_in} UTC",
        "due": late.due and f"{late.due} UTC",
        "seconds": late.seconds,
        "grace_days": late.grace,
        "points_off": round(late.off(verdict.points), 2),
        "words": late.words,
    }


def legend(lesson):
    """Which number is which exercise."""
    return "  ".join(f"[bold]{number}[/] {name}" for number, name in enumerate(lesson.exercises, start=1))


def _colour(mark):
    return "green" if mark.right else "red" if mark.points == 0 else "yellow"


def what_went_wrong(verdict, limit=4):
    """The first sentences a grader wants to read."""
    from rich.markup import escape

    if verdict.regrade:
        return f"[magenta]to be graded again: {escape(verdict.regrade)}[/]"
    missing = [mark.exercise for mark in verdict.marks if mark.status is Status.UNWRITTEN]
    rows = [f"[cyan]{escape(note.text)}[/]" for note in verdict.notes]
    if missing and len(missing) == len(verdict.marks):
        rows.append("nothing written yet")
    elif missing:
        rows.append(f"not written yet: {', '.join(missing)}")
    for mark in verdict.marks:
        if not mark.right and mark.exercise not in missing:
            sign = "[bold]=[/] " if mark.diagnosis else ""
            rows.append(f"{escape(mark.exercise)}: {sign}{escape(mark.problems[0])}")
    if len(rows) > limit:
        rows = rows[:limit] + [f"[dim]... and {len(rows) - limit} more, see the feedback page[/]"]
    return "\n".join(rows)
