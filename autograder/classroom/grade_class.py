"""What `autograder grade` does, step by step, in front of a person."""

import contextlib
import time
from pathlib import Path

from rich.markup import escape

from autograder.classroom import gradebook, submissions
from autograder.classroom.assignments import find_notebook, judged_as, release
from autograder.classroom.class_table import class_facts, class_table, legend
from autograder.classroom.course_folder import NOTHING, GradeError, lock_course_folder, printable
from autograder.classroom.fail_closed import expect_protected
from autograder.classroom.lateness import settle
from autograder.classroom.lms.export import waiting_answers
from autograder.classroom.lms.groups import spread
from autograder.classroom.lms.roster import list_names
from autograder.classroom.nbgrader_plugin import close_graders, shared_grader
from autograder.console import console, progress, short_path
from autograder.judge import DEFAULT_SEED
from autograder.judge.verdict import verdict_path
from autograder.judge.verdict_cache import Journal


def grade_class(
    course_dir,
    lab,
    student="*",
    force=False,
    workers=2,
    seed=None,
    isolation=None,
    feedback=True,
    scheduler=None,
    facts=None,
):
    """Grade a lab of a course folder and show the table.

    Args:
        scheduler: address of a Dask scheduler, to judge on its workers instead of here.
        facts: a dictionary that is filled with the same, for `--json`.

    Returns:
        `(student, Verdict)` pairs of everybody graded so far.

    Raises:
        autograder.classroom.course_folder.GradeError: when there is nothing to grade, when grading cannot go on, and, after
            everything else is done and shown, when some submissions are still to be graded.
    """
    course_dir = Path(course_dir).resolve()
    config = submissions.load_config(course_dir)
    expect_protected(config)
    lesson = find_notebook(course_dir, lab)
    if seed is not None:
        config.GradeInSandbox.seed = seed
    if isolation is not None:
        config.GradeInSandbox.isolation = isolation
    found, left_out = submissions.find_submissions(course_dir, lesson, student)
    if not found and all(reason == NOTHING for reason in left_out.values()):
        folder = course_dir / "submitted" / ("STUDENT" if student == "*" else student) / lesson.lab
        raise GradeError(f"there is nothing to grade: put the submissions at {folder / lesson.name}.ipynb")
    with lock_course_folder(course_dir):
        known = gradebook.expect_gradebook(config, lesson)
        if not known or not (course_dir / "release" / lesson.lab / f"{lesson.name}.ipynb").exists():
            with console.status("building the labs into the course folder"):
                release(course_dir, lesson, config)
        todo = submissions.ungraded(course_dir, lesson, found, force)
        failed = _grade(course_dir, lesson, config, todo, force, workers, scheduler) if todo else {}
        if found and not todo:
            console.print("Everything is graded already; --force grades it again.")
        graded = submissions.load_verdicts(course_dir, lesson)
        lateness, changed = settle(course_dir, lesson, config)
        moved = [name for name in changed if name not in {one.student for one in todo}]
        if moved:
            console.print(
                f"Lateness was worked out anew, without judging again, for {list_names(moved)}.", markup=False
            )
        gradebook.forget_pages(course_dir, lesson, changed)
        shown, late = spread(course_dir, lesson, graded, lateness)
        console.print(class_table(lesson, shown, late, left_out))
        console.print(legend(lesson), "[bold]=[/] a known misconception, recognised", sep="\n")
        if feedback:
            with console.status("writing feedback pages and the CSV"):
                pages = gradebook.write_feedback(course_dir, lesson, config, force)
            failed |= {name: "the feedback page could not be written" for name in pages if name not in failed}
        for one in submissions.ungraded(course_dir, lesson, todo):
            failed.setdefault(one.student, "the submission changed while it was graded")
    if facts is not None:
        facts.update(class_facts(lesson, shown, late, left_out, failed))
    _say_where(course_dir, lesson, config, feedback)
    _say_what_is_left(left_out, failed)
    return graded


def _say_what_is_left(left_out, failed):
    reasons = {}
    for name, reason in left_out.items():
        reasons.setdefault(reason, []).append(printable(name))
    for reason, names in reasons.items():
        colour = "dim" if reason == NOTHING else "red"
        console.print(
            f"[{colour}]left out: {escape(list_names(names))}: {escape(reason)}[/]", highlight=False
        )
    reasons = {}
    for name, reason in failed.items():
        reasons.setdefault(reason, []).append(printable(name))
    for reason, names in reasons.items():
        shown = ", ".join(names[:8]) + (f" and {len(names) - 8} more" if len(names) > 8 else "")
        console.print(f"[red]still to do: {escape(shown)}: {escape(reason)}[/]", highlight=False)
    if failed:
        raise GradeError(
            f"{len(failed)} submission{'s are' if len(failed) > 1 else ' is'} still to do; everything else is "
            "recorded. Run the same command again when that is mended."
        )


def _grade(course_dir, lesson, config, todo, force, workers, scheduler):
    settings = config.GradeInSandbox
    kind = (
        settings.get("isolation", "full"),
        settings.get("seed", DEFAULT_SEED),
        float(settings.get("seconds", 10.0)),
    )
    grader, assignment = shared_grader(*kind), judged_as(lesson)
    journal = grader.cache = Journal(
        verdict_path(course_dir, lesson.lab, "x").parent / ".judged", assignment.fingerprint, *kind
    )
    if force:
        journal.clear()
    started = time.monotonic()
    try:
        with contextlib.ExitStack() as stack:
            if scheduler:
                from autograder.classroom.dask_cluster import Cluster

                with console.status(f"looking for workers at {escape(scheduler)}"):
                    judges = stack.enter_context(Cluster(scheduler, lesson, grader))
                place = judges.where
            else:
                with console.status("starting the warm server (importing libraries once)"):
                    grader.warm(assignment.runtime)
                place = f"on {workers} worker{'s' if workers > 1 else ''}"
            bars = stack.enter_context(progress())
            judging = bars.add_task("judging", total=len(todo))

            def show(name, verdict):
                bars.advance(judging)
                points = (
                    f"{verdict.points:g} of {verdict.max_points:g}" if verdict else "[magenta]once more[/]"
                )
                bars.console.print(f"  {escape(name):<12} {points}", highlight=False)

            judged = todo
            if scheduler:
                judges.judge_all(course_dir, todo, show)
            else:
                judged = submissions.judge_in_parallel(course_dir, lesson, todo, grader, workers, show)
                stack.enter_context(contextlib.closing(judged))
            bar = bars.add_task("recording in the gradebook", total=len(todo))
            failed = gradebook.record(course_dir, lesson, config, judged, tick=lambda: bars.advance(bar))
        if not failed:
            journal.clear()
    finally:
        close_graders()
    seconds = time.monotonic() - started
    console.print(
        f"{len(todo)} submission{'s' if len(todo) > 1 else ''} in {seconds:.0f} s "
        f"({seconds / len(todo):.2f} s each), {place}."
    )
    return failed


def _say_where(course_dir, lesson, config, feedback):
    file, name = gradebook.gradebook_place(config)
    rows = [("gradebook", file, f"autograder formgrader {lesson.number} opens it")] if file else []
    if not file:
        console.print(f"[bold]gradebook [/] {escape(name)}", highlight=False, soft_wrap=True)
    if feedback:
        rows.append(("feedback", course_dir / "feedback", f"STUDENT/{lesson.lab}/{lesson.name}.html"))
        rows.append(("CSV", course_dir / f"{lesson.lab}.csv", "all marks, nbgrader's export"))
    rows.append(("log", course_dir / "grading.log", "what nbgrader said"))
    for what, path, note in rows:
        line = f"[bold]{what:<10}[/] {escape(short_path(path))}  [dim]{escape(note)}[/]"
        console.print(line, highlight=False, soft_wrap=True)
    answers, questions = waiting_answers(lesson, config)
    if answers:
        line = f"{answers} answer{'s' if answers > 1 else ''} to {questions} question{'s' if questions > 1 else ''} "
        line += f"wait{'' if answers > 1 else 's'} for a person: autograder mark {lesson.number}"
        console.print(line, highlight=False)
    console.print(f"What the class understood: autograder report {lesson.number}", highlight=False)
