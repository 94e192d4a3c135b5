"""Gives feedback back to the learners: the zip that a learning management system's own upload takes, one page each.

Moodle (*Upload multiple feedback files in a zip*) and Canvas (*Upload submissions*) find the learner by the name that
was downloaded, so each page lies under exactly that name, which `autograder collect` wrote down.
"""

import re
import zipfile
from dataclasses import dataclass, field
from pathlib import Path

from autograder.classroom.course_folder import GradeError
from autograder.classroom.lms.record import read_record
from autograder.classroom.lms.roster import list_names
from autograder.judge.atomic_write import write_whole

SYSTEMS = {
    "moodle": "Upload it in the assignment: Actions, Upload multiple feedback files in a zip.",
    "canvas": "Upload it on the assignment's page: Upload Submissions.",
}


@dataclass
class Returned:
    """What was put into the zip, and what was not.

    Attributes:
        pages: learner -> name in the zip.
        open: learners without a page yet.
        unknown: learners whose notebook did not come from that system.
    """

    path: Path
    pages: dict = field(default_factory=dict)
    open: list = field(default_factory=list)
    unknown: list = field(default_factory=list)


def return_feedback(
    course_dir, lab, system, to=None, roster=None, column=None, out_of=None, exercises_only=False
):
    """Write the zip of feedback pages; with a roster, its marks and comments as well.

    Args:
        system: `"moodle"` or `"canvas"`.
        to: file to write; `LAB_SYSTEM_feedback.zip` of the course folder if left out.
        roster: the system's own file, filled in as `autograder export` does.

    Returns:
        A `Returned`.

    Raises:
        GradeError: if there is nothing to give back, with the reason.
    """
    from autograder.classroom import gradebook
    from autograder.classroom.assignments import find_notebook
    from autograder.classroom.lateness import settle
    from autograder.classroom.submissions import load_config
    from autograder.console import console, short_path

    if system not in SYSTEMS:
        raise GradeError(f"--to is {' or '.join(SYSTEMS)}, not {system}")
    course_dir = Path(course_dir).resolve()
    lesson = find_notebook(course_dir, lab)
    config = load_config(course_dir)
    _, changed = settle(course_dir, lesson, config)
    gradebook.forget_pages(course_dir, lesson, changed)
    with console.status("writing feedback pages"):
        gradebook.write_feedback(course_dir, [lesson], config)
    to = course_dir / f"{lesson.lab}_{system}_feedback.zip" if to is None else Path(to)
    found = _sort(course_dir, lesson, system, to)
    if not found.pages:
        raise GradeError(_why_nothing(course_dir, lesson, system, found))
    _write(course_dir, lesson, found)
    count = len(found.pages)
    console.print(f"{count} feedback page{'' if count == 1 else 's'} for {system.title()}.")
    if found.open:
        console.print(
            f"Not graded yet, so not in it: {list_names(found.open)}.", highlight=False, markup=False
        )
    if found.unknown:
        sentence = f"Not collected from {system.title()}, so not in it: {list_names(found.unknown)}."
        console.print(sentence, highlight=False, markup=False)
    console.print(f"written to {short_path(to)}", highlight=False, markup=False, soft_wrap=True)
    console.print(SYSTEMS[system], highlight=False)
    if roster is not None:
        from autograder.classroom.lms.export import export_marks

        export_marks(course_dir, lab, system, roster, None, column, out_of, exercises_only)
    return found


def _sort(course_dir, lesson, system, to):
    found, origins = Returned(to), read_record(course_dir, lesson)
    pages = {path.parts[-3]: path for path in course_dir.glob(f"feedback/*/{lesson.lab}/{lesson.name}.html")}
    handed_in = {path.parts[-2] for path in course_dir.glob(f"submitted/*/{lesson.lab}")}
    for student in sorted({*pages, *handed_in, *origins}):
        origin = origins.get(student)
        if origin is None or origin.system != system or not origin.reply:
            if student in pages:
                found.unknown.append(student)
        elif student not in pages:
            found.open.append(student)
        else:
            page = re.sub(r"\.ipynb$", "", origin.path.rpartition("/")[2], flags=re.IGNORECASE)
            name = page.rpartition("_assignsubmission_file_")[2] or lesson.name
            found.pages[student] = origin.reply.replace("{}", f"{name}.html")
    return found


def _write(course_dir, lesson, found):
    draft = found.path.with_name(f".{found.path.name}.draft")
    draft.parent.mkdir(parents=True, exist_ok=True)
    try:
        with zipfile.ZipFile(draft, "w", zipfile.ZIP_DEFLATED) as archive:
            for student, name in found.pages.items():
                archive.write(course_dir / "feedback" / student / lesson.lab / f"{lesson.name}.html", name)
        write_whole(found.path, draft.read_bytes())
    finally:
        draft.unlink(missing_ok=True)


def _why_nothing(course_dir, lesson, system, found):
    if found.open:
        return f"nobody has a feedback page yet: run `autograder grade {lesson.number}` first"
    if found.unknown:
        return (
            f"none of these submissions was collected from {system.title()} by `autograder collect ... --from {system}`, "
            "so nobody knows under which names it takes feedback back: collect the download once more"
        )
    return f"there is nothing to give back yet: `autograder collect` and `autograder grade {lesson.number}` come first"
