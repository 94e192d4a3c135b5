"""Writes a lab's marks as nbgrader, Canvas and Moodle import them.

Marks come from nbgrader's gradebook, so they hold what a person graded or changed there. Whoever has no whole mark
(not handed in, to be graded again, a question still unread) is left empty: an empty cell changes nothing in Canvas or
Moodle, and a 0 would be a mark. Given the file that Canvas or Moodle exported, that file is filled in.
"""

import html
from dataclasses import dataclass
from pathlib import Path

from autograder.classroom.assignments import grade_ids
from autograder.classroom.course_folder import GradeError
from autograder.classroom.lateness import Lateness
from autograder.classroom.lms.groups import read_groups, share
from autograder.classroom.lms.record import read_record
from autograder.classroom.lms.roster import Table, fill_in, list_names, read_roster
from course.checking import in_html

NBGRADER = [
    "assignment",
    "duedate",
    "timestamp",
    "student_id",
    "last_name",
    "first_name",
    "email",
    "raw_score",
    "late_submission_penalty",
    "score",
    "max_score",
]
CANVAS = ["Student", "ID", "SIS User ID", "SIS Login ID", "Section"]
MOODLE = ["Username", "ID number", "Email address", "First name", "Last name"]
QUESTIONS_WAIT = "waiting for a person's grade"
REGRADE = "to be graded again"
NOT_HANDED_IN = "not handed in"
UNGRADED = "handed in, and not graded"


@dataclass(frozen=True)
class ExportRow:
    """One learner's mark for a lab, or why there is none.

    Attributes:
        score: `None` where there is no whole mark.
        why: why there is none; empty otherwise.
        comment: what there is to say to the learner, as HTML without tags of a page.
        others: other names of the learner, in systems that were met on the way.
        lateness: when it was handed in, and what that costs; `None` if there is nothing graded.
        group: with whom it was handed in; empty for who did so alone.
    """

    student: str
    first_name: str = ""
    last_name: str = ""
    email: str = ""
    number: str = ""  # in the learning management system
    timestamp: object = None
    raw: float | None = None
    penalty: float = 0.0
    score: float | None = None
    why: str = NOT_HANDED_IN
    comment: str = ""
    others: tuple = ()
    lateness: Lateness | None = None
    group: str = ""

    @property
    def handed_in(self):
        return self.why != NOT_HANDED_IN


def export_marks(
    course_dir, lab, system, roster=None, to=None, column=None, out_of=None, exercises_only=False
):
    """Write a lab's marks and say what was written and what was not.

    Args:
        system: `"nbgrader"`, `"canvas"` or `"moodle"`.
        roster: the file that Canvas or Moodle exported, to be filled in.
        to: file to write; `LAB_SYSTEM.csv` of the course folder if left out.
        column: name of the grade column, where the roster's is not plain or a new one is wanted.
        out_of: scale to this many points.
        exercises_only: leave out the questions that a person grades.

    Returns:
        Path of the file.

    Raises:
        GradeError: for an unknown system, or a roster that cannot be used.
    """
    from autograder.classroom.assignments import find_assignments
    from autograder.classroom.submissions import load_config
    from autograder.console import console, short_path

    if system not in ("nbgrader", "canvas", "moodle"):
        raise GradeError(f"--format is nbgrader, canvas or moodle, not {system}")
    if roster is not None and system == "nbgrader":
        raise GradeError("a roster is for --format canvas or moodle; nbgrader's own export has none")
    course_dir = Path(course_dir).resolve()
    notebooks, config = find_assignments(course_dir, lab), load_config(course_dir)
    lesson = notebooks[0]
    marks, says = share(
        read_marks(course_dir, notebooks, config, exercises_only),
        read_groups(course_dir),
        read_record(course_dir, lesson),
    )
    highest = sum(cell.points for one in notebooks for cell in one.exercises.values())
    highest += 0 if exercises_only else sum(q.points for one in notebooks for q in one.questions.values())
    scale = 1 if out_of is None else out_of / highest
    scores = {mark.student: None if mark.score is None else round(mark.score * scale, 2) for mark in marks}
    if system == "nbgrader":
        table = Table([NBGRADER, *_nbgrader_rows(lesson, marks, scores, highest * scale)])
    elif roster is None:
        table = _plain_table(
            system, column or f"Lab {lesson.number} {lesson.title}", marks, scores, highest * scale
        )
    else:
        table = read_roster(roster, system)
        says += fill_in(table, system, lesson, marks, scores, highest * scale, column)
    to = course_dir / f"{lesson.lab}_{system}.csv" if to is None else Path(to)
    table.write(to)
    written = sum(score is not None for score in scores.values())
    console.print(
        f"{written} mark{'' if written == 1 else 's'} of {len(marks)} learners, out of {highest * scale:g}."
    )
    for sentence in [*says, *late_ones(marks), *left_empty(marks)]:
        console.print(sentence, highlight=False, markup=False)
    console.print(f"written to {short_path(to)}", highlight=False, markup=False, soft_wrap=True)
    return to


def read_marks(course_dir, notebooks, config, exercises_only=False):
    """Every learner's `ExportRow` for an assignment, by name, from the gradebook.

    Args:
        course_dir: the course folder.
        notebooks: those of the assignment, as `find_assignments` gives them.
        config: the course folder's configuration.
        exercises_only: leave out what a person grades.
    """
    from nbgrader.api import Gradebook, MissingEntry
    from nbgrader.coursedir import CourseDirectory

    from autograder.classroom.lateness import settle
    from autograder.classroom.submissions import find_submissions, load_verdicts

    lab, judged = notebooks[0].lab, {}
    for lesson in notebooks:
        for student, verdict in load_verdicts(course_dir, lesson):
            judged.setdefault(student, []).append(verdict)
    again = {student for student, verdicts in judged.items() if any(one.regrade for one in verdicts)}
    exercises = {(lesson.name, name) for lesson in notebooks for name in grade_ids(lesson)[0]}
    lateness, _ = settle(course_dir, notebooks[0], config)
    found = []
    coursedir = CourseDirectory(config=config)
    with Gradebook(coursedir.db_url, coursedir.course_id) as gradebook:
        for student in gradebook.students:
            about = (student.id, student.first_name, student.last_name, student.email, student.lms_user_id)
            about = [value or "" for value in about]
            try:
                submission = gradebook.find_submission(lab, student.id)
            except MissingEntry:
                found.append(ExportRow(*about))
                continue
            cells = [(notebook.name, grade) for notebook in submission.notebooks for grade in notebook.grades]
            judges = [grade for name, grade in cells if (name, grade.name) in exercises]
            grades = judges if exercises_only else [grade for _, grade in cells]
            unmarked = any(one.auto_score is None and one.manual_score is None for one in judges)
            waiting = any(one.needs_manual_grade for one in grades)
            why = REGRADE if unmarked or student.id in again else QUESTIONS_WAIT if waiting else ""
            raw, late = sum(one.score or 0 for one in grades), lateness.get(student.id)
            penalty = submission.late_submission_penalty or 0
            penalty = min(penalty, raw) if late is None else late.off(raw)
            score = None if why else raw - penalty
            comment = comment_of(judged.get(student.id, ()), late)
            raw = None if why else raw
            found.append(
                ExportRow(*about, submission.timestamp, raw, penalty, score, why, comment, lateness=late)
            )
    known = {mark.student for mark in found if mark.handed_in}
    submitted, left_out = [], {}
    for lesson in notebooks:
        here, absent = find_submissions(course_dir, lesson)
        submitted += here
        left_out |= absent
    left_out = {name: why for name, why in left_out.items() if name not in {one.student for one in submitted}}
    left_out |= {one.student: UNGRADED for one in submitted if one.student not in known}
    for student, reason in left_out.items():
        if student not in known:
            found = [mark for mark in found if mark.student != student]
            found.append(ExportRow(student, why=reason))
    return sorted(found, key=lambda mark: mark.student)


def comment_of(verdicts, lateness=None):
    """What a learner is to read in the system's own column of comments: every exercise that lost points, and why."""
    marks = [mark for verdict in verdicts if not verdict.regrade for mark in verdict.marks]
    lines = []
    for mark in marks:
        if not mark.right:
            problem = in_html(mark.problems[0]) if mark.problems else ""
            points = f"{mark.points:g} of {mark.max_points:g}"
            lines.append(f"{html.escape(mark.exercise)}: {points}. {problem}".replace("\n", " ").strip())
    if marks and not lines:
        lines.append("All exercises are right.")
    if lateness is not None and lateness.words:
        lines.append(html.escape(f"{lateness.words}."))
    return "<br>".join(lines)


def late_ones(marks):
    """One sentence for each learner whose time of handing in matters."""
    for mark in marks:
        if mark.lateness is not None and mark.lateness.words and not mark.group:
            yield f"{mark.student}: {mark.lateness.words}."


def waiting_answers(notebooks, config):
    """How many answers to an assignment's notebooks wait for a person's grade, and to how many questions."""
    from nbgrader.api import Gradebook, MissingEntry
    from nbgrader.coursedir import CourseDirectory

    coursedir = CourseDirectory(config=config)
    questions = {(lesson.name, name) for lesson in notebooks for name in grade_ids(lesson)[1]}
    with Gradebook(coursedir.db_url, coursedir.course_id) as gradebook:
        try:
            submissions = gradebook.assignment_submissions(notebooks[0].lab)
        except MissingEntry:
            return 0, 0
        names = [
            (notebook.name, grade.name)
            for submission in submissions
            for notebook in submission.notebooks
            for grade in notebook.grades
            if grade.needs_manual_grade and (notebook.name, grade.name) in questions
        ]
    return len(names), len(set(names))


def left_empty(marks):
    """One sentence for each reason why learners have no mark."""
    cures = {
        REGRADE: "; run `autograder grade` again",
        UNGRADED: "; run `autograder grade`",
        QUESTIONS_WAIT: "; mark it with `autograder mark`, or export with --exercises-only",
    }
    reasons = dict.fromkeys([NOT_HANDED_IN, REGRADE, UNGRADED, QUESTIONS_WAIT, *(mark.why for mark in marks)])
    for why in filter(None, reasons):
        names = [mark.student for mark in marks if mark.why == why]
        if names:
            yield f"Left empty, {why}: {list_names(names)}{cures.get(why, '')}."


def _nbgrader_rows(lesson, marks, scores, highest):
    for mark in marks:
        score, raw = scores[mark.student], mark.raw
        yield [
            lesson.lab,
            (mark.lateness.due if mark.lateness else None) or "",
            mark.timestamp or "",
            mark.student,
            mark.last_name,
            mark.first_name,
            mark.email,
            "" if raw is None else f"{raw:g}",
            "" if raw is None else f"{round(mark.penalty, 2):g}",
            "" if score is None else f"{score:g}",
            f"{highest:g}",
        ]


def _plain_table(system, name, marks, scores, highest):
    """Without a roster: what the gradebook knows of each learner."""
    rows = []
    for mark in marks:
        score = "" if scores[mark.student] is None else f"{scores[mark.student]:g}"
        if system == "canvas":
            full = ", ".join(part for part in (mark.last_name, mark.first_name) if part) or mark.student
            rows.append([full, mark.number, "", mark.student, "", score])
        else:
            rows.append([mark.student, mark.number, mark.email, mark.first_name, mark.last_name, score])
    if system == "canvas":
        possible = ["    Points Possible", "", "", "", "", f"{highest:g}"]
        return Table([[*CANVAS, name], possible, *rows])
    return Table([[*MOODLE, name], *rows])
