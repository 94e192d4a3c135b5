"""What `autograder grade` does, step by step, in front of a person."""

import os
import time
from pathlib import Path

from rich.markup import escape

from autograder import grade
from autograder.build import build
from autograder.grading import DEFAULT_SEED
from autograder.judge import warm
from autograder.plugin import close_graders, shared_grader
from autograder.show import class_table, console, legend, progress
from course.lesson import find_lesson


def grade_class(
    course_dir, lab, student="*", force=False, workers=2, seed=None, isolation=None, feedback=True
):
    """Grade a lab of a course folder and show the table.

    Returns:
        `(student, Verdict)` pairs of everybody graded so far.

    Raises:
        autograder.grade.GradeError: when there is nothing to grade, or nbgrader cannot go on.
    """
    course_dir, lesson = Path(course_dir).resolve(), find_lesson(lab)
    config = grade.load_config(course_dir)
    if seed is not None:
        config.GradeInSandbox.seed = seed
    if isolation is not None:
        config.GradeInSandbox.isolation = isolation
    found = grade.submissions(course_dir, lesson, student)
    if not (course_dir / "release" / lesson.lab / f"{lesson.name}.ipynb").exists():
        with console.status("building the labs into the course folder"):
            build(course_dir, [lesson])
    todo = grade.pending(course_dir, lesson, found, force)
    if todo:
        with grade.alone(course_dir):
            _grade(course_dir, lesson, config, student, todo, force, workers)
    else:
        console.print("Everything is graded already; --force grades it again.")
    graded = grade.verdicts(course_dir, lesson)
    console.print(class_table(lesson, graded))
    for name, reason in grade.unfit(course_dir, lesson).items():
        console.print(f"[red]left out: {escape(name.strip())}: {reason}[/]", highlight=False)
    console.print(legend(lesson), "[bold]=[/] a known misconception, recognised", sep="\n")
    if feedback:
        with console.status("writing feedback pages and the CSV"):
            _feedback(course_dir, lesson, config, force or bool(todo))
    _say_where(course_dir, lesson, feedback)
    return graded


def _grade(course_dir, lesson, config, student, todo, force, workers):
    settings = config.GradeInSandbox
    grader = shared_grader(
        settings.get("isolation", "full"),
        settings.get("seed", DEFAULT_SEED),
        float(settings.get("seconds", 10.0)),
    )
    started = time.monotonic()
    with console.status("starting the warm server (importing Keras once)"):
        server = grader.server()
        warm()
        server.wait_ready()
    try:
        with progress() as bars:
            judging = bars.add_task("judging", total=len(todo))

            def show(name, verdict):
                bars.advance(judging)
                points = (
                    f"{verdict.points:g} of {verdict.max_points:g}" if verdict else "[magenta]once more[/]"
                )
                bars.console.print(f"  {escape(name):<12} {points}", highlight=False)

            grade.judge_all(course_dir, lesson, todo, grader, workers, show)
            recording = bars.add_task("recording in the gradebook", total=len(todo))
            grade.record(course_dir, lesson, config, student, force, tick=lambda: bars.advance(recording))
    finally:
        close_graders()
    seconds = time.monotonic() - started
    console.print(
        f"{len(todo)} submissions in {seconds:.0f} s ({seconds / len(todo):.2f} s each), on {workers} workers."
    )


def _feedback(course_dir, lesson, config, force):
    """Stock nbgrader's feedback pages and grade export."""
    import logging

    from nbgrader.api import Gradebook
    from nbgrader.converters import GenerateFeedback
    from nbgrader.coursedir import CourseDirectory
    from nbgrader.plugins import CsvExportPlugin

    log = logging.Logger("feedback")
    log.addHandler(logging.FileHandler(course_dir / "grading.log", encoding="utf-8"))
    coursedir = CourseDirectory(config=config)
    coursedir.assignment_id = lesson.lab
    here = os.getcwd()
    try:
        GenerateFeedback(coursedir=coursedir, config=config, log=log, force=force).start()
        with Gradebook(coursedir.db_url) as gradebook:
            exporter = CsvExportPlugin(config=config, log=log)
            exporter.assignment = [lesson.lab]
            exporter.to = str(course_dir / f"{lesson.lab}.csv")
            exporter.export(gradebook)
    finally:
        os.chdir(here)


def _say_where(course_dir, lesson, feedback):
    rows = [("gradebook", course_dir / "gradebook.db", "nbgrader formgrader opens it")]
    if feedback:
        rows.append(
            ("feedback", course_dir / "feedback", f"feedback/STUDENT/{lesson.lab}/{lesson.name}.html")
        )
        rows.append(("CSV", course_dir / f"{lesson.lab}.csv", "all marks, nbgrader's export"))
    rows.append(("log", course_dir / "grading.log", "what nbgrader said"))
    for what, path, note in rows:
        console.print(
            f"[bold]{what:<10}[/] {escape(os.path.relpath(path))}  [dim]{escape(note)}[/]", highlight=False
        )
