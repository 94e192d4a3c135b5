"""`course.status()`: how far you are, in this lab and in all of them."""

import html

from course.notebooks.lesson import find_lesson, lessons
from course.notebooks.sections import current_lesson, section_number
from course.progress import store
from course.terminal import printable

PASSED, SEEN, STEPPED, TRIED, OPEN = (
    "passed",
    "passed, answer seen",
    "the course's stands in",
    "tried",
    "open",
)
SIGNS = {PASSED: "✓", SEEN: "✓", STEPPED: "→", TRIED: "…", OPEN: "·"}
COLOURS = {PASSED: "#2e7d32", SEEN: "#2e7d32", STEPPED: "#1565c0", TRIED: "#b45309", OPEN: "inherit"}
CELL = "text-align:left;padding:2px 10px 2px 0;vertical-align:top"


def status(lab=None, namespace=None):
    """How far the learner is.

    Args:
        lab: such as `attention`, `lab1_attention` or `1`; the one whose notebook is open if left out.
        namespace: the notebook's variables, by which that lab is found where JupyterLab does not tell.

    Returns:
        A `Status`, which shows itself as two tables.

    Raises:
        UnknownName: if there is no such lab.
    """
    return Status(find_lesson(str(lab)) if lab is not None else current_lesson(namespace))


class Status:
    """Exercises of one lab with their state, and for each lab how many of its exercises passed.

    Attributes:
        rows: `(exercise, section, minutes, state, tries)` of the lab; empty without one.
        labs: `(lesson, passed, total)` for each lab.
    """

    def __init__(self, lesson=None):
        self.lesson = lesson
        self.rows = []
        for name, cell in lesson.exercises.items() if lesson else ():
            known = store.recall(name)
            self.rows.append(
                (
                    name,
                    section_number(lesson, name),
                    cell.minutes,
                    state_of(known),
                    len(known.get("tries", ())),
                )
            )
        self.labs = [
            (
                each,
                sum(bool(store.recall(name).get("passed")) for name in each.exercises),
                len(each.exercises),
            )
            for each in lessons().values()
        ]

    def headline(self):
        """The lab's count, what is next in it, and about how long the rest takes."""
        if store.folder() is None:
            return "Progress is not kept here, because COURSE_PROGRESS says off."
        if not self.lesson:
            return "How far you are"
        left = [row for row in self.rows if row[3] not in (PASSED, SEEN)]
        done = f"Lab {self.lesson.number}, {self.lesson.title}: {len(self.rows) - len(left)} of {len(self.rows)} exercises pass."
        if not left:
            return f"{done} All of them. Well done!"
        minutes = sum(row[2] for row in left)
        return f"{done} Next: {left[0][0]}{f' in section {left[0][1]}' if left[0][1] else ''}. The rest takes about {minutes:g} minutes."

    def __str__(self):
        rows = [self.headline()]
        for name, section, _, state, tries in self.rows:
            said = _said(state, tries)
            rows.append(
                f"  {SIGNS[state]} {section:5} {name}{f'  ({said})' if state not in (PASSED, OPEN) else ''}"
            )
        rows += [f"  Lab {each.number} {each.title}: {done} of {total}" for each, done, total in self.labs]
        return printable("\n".join(rows))

    __repr__ = __str__

    def _repr_html_(self):
        rows = "".join(
            f'<tr><td style="{CELL}"><b style="color:{COLOURS[state]}">{SIGNS[state]}</b></td><td style="{CELL}">{section}</td>'
            f'<td style="{CELL}"><code>{html.escape(name)}</code></td>'
            f'<td style="{CELL}">{html.escape(_said(state, tries))}</td></tr>'
            for name, section, _, state, tries in self.rows
        )
        head = "".join(
            f'<th scope="col" style="{CELL}">{title}</th>' for title in ("", "section", "exercise", "state")
        )
        own = f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>" if rows else ""
        labs = "".join(
            f'<tr><th scope="row" style="{CELL};font-weight:normal">Lab {each.number}, {html.escape(each.title)}</th>'
            f'<td style="{CELL}"><progress value="{done}" max="{total}" aria-label="Lab {each.number}: {done} of {total}">'
            f'</progress></td><td style="{CELL}">{done} of {total}</td></tr>'
            for each, done, total in self.labs
        )
        return (
            f'<div style="border-left:4px solid #1565c0;padding:4px 12px"><b>{html.escape(self.headline())}</b>{own}'
            f'<table style="margin-top:8px"><caption style="text-align:left;caption-side:top">All labs</caption>'
            f"<tbody>{labs}</tbody></table></div>"
        )


def state_of(known):
    """The state of an exercise, one of the words above, from what is remembered of it."""
    if known.get("passed"):
        return SEEN if known.get("seen") and known["seen"] <= known["passed"] else PASSED
    if known.get("stepped_over"):
        return STEPPED
    return TRIED if known.get("tries") else OPEN


def _said(state, tries):
    if state == TRIED:
        return f"tried {'once' if tries == 1 else f'{tries} times'}"
    return state
