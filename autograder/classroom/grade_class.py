"""Grades a class: what is new is judged and recorded, what is late is charged, and pages are written. Prints nothing."""

import contextlib
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from autograder.classroom import grade_events as events
from autograder.classroom import gradebook, submissions
from autograder.classroom.assignments import find_assignments, judged_as, release
from autograder.classroom.course_folder import NOTHING, GradeError, LeftToDo
from autograder.classroom.fail_closed import expect_protected
from autograder.classroom.grade_events import GradeEvent
from autograder.classroom.grading_run import GradingRun
from autograder.classroom.lateness import settle
from autograder.classroom.lms.export import waiting_answers
from autograder.classroom.lms.groups import spread
from autograder.judge import DEFAULT_SEED
from autograder.judge.grader import JudgeSettings
from autograder.judge.verdict import Verdict, verdict_path
from autograder.judge.verdict_cache import Journal


def grade_class(
    course_dir: str | Path,
    lab: str,
    student: str = "*",
    force: bool = False,
    workers: int = 2,
    seed: int | None = None,
    isolation: str | None = None,
    feedback: bool = True,
    scheduler: str | None = None,
    tell: Callable[[GradeEvent], None] = lambda event: None,
) -> list[tuple[str, Verdict]]:
    """Grade an assignment of a course folder.

    Args:
        course_dir: the course folder.
        lab: the assignment: a lab's name or number, or the name of an own assignment.
        student: this learner alone; `"*"` for all.
        force: judge and record again what is graded already.
        workers: how many submissions are judged side by side.
        seed: what probes draw from; the course's setting if `None`.
        isolation: `"full"` or `"none"`; the course's setting if `None`.
        feedback: whether nbgrader's feedback pages and a CSV are written.
        scheduler: address of a Dask scheduler, to judge on its workers instead of here.
        tell: called with each `GradeEvent`, in the caller's thread.

    Returns:
        `(student, Verdict)` pairs of everybody graded so far, notebook by notebook.

    Raises:
        GradeError: when there is nothing to grade, or grading cannot go on.
        LeftToDo: after everything else is done and told, when some submissions are still to be graded.
    """
    course_dir = Path(course_dir).resolve()
    config = submissions.load_config(course_dir)
    expect_protected(config)
    notebooks = find_assignments(course_dir, lab)
    lab = notebooks[0].lab
    found, absent = [], {}
    for lesson in notebooks:
        here, absent[lesson.name] = submissions.find_submissions(course_dir, lesson, student)
        found += here
    left_out = _without_any(absent, {one.student for one in found})
    if not found and all(reason == NOTHING for reason in left_out.values()):
        folder = course_dir / "submitted" / ("STUDENT" if student == "*" else student) / lab
        raise GradeError(
            f"there is nothing to grade: put the submissions at {folder / notebooks[0].name}.ipynb"
        )
    settings = _settings(config, seed, isolation)
    journal = Journal(verdict_path(course_dir, lab, "x").parent / ".judged", settings)
    with GradingRun(course_dir, settings.grader(journal)) as run:
        _expect_released(course_dir, notebooks, config, tell)
        todo = _by_learner(course_dir, notebooks, found, force)
        failed = {}
        if todo:
            if force:
                journal.clear()
            failed = _judge_and_record(run, notebooks, config, todo, workers, scheduler, tell)
            if not failed:
                journal.clear()
        elif found:
            tell(events.AllGraded())
        lateness, changed = settle(course_dir, notebooks[0], config)
        moved = [name for name in changed if name not in {learner[0].student for learner in todo}]
        if moved:
            tell(events.LatenessChanged(moved))
        gradebook.forget_pages(course_dir, notebooks[0], changed)
        graded = []
        for lesson in notebooks:
            here = submissions.load_verdicts(course_dir, lesson)
            graded += here
            shown, late = spread(course_dir, lesson, here, lateness)
            tell(events.NotebookGraded(lesson, shown, late, absent[lesson.name]))
        if feedback:
            tell(events.WritingFeedback())
            pages = gradebook.write_feedback(course_dir, notebooks, config, force)
            failed |= {name: "the feedback page could not be written" for name in pages if name not in failed}
        for learner in _by_learner(course_dir, notebooks, [one for group in todo for one in group]):
            failed.setdefault(learner[0].student, "the submission changed while it was graded")
    place, waiting = gradebook.gradebook_place(config), waiting_answers(notebooks, config)
    tell(events.Finished(course_dir, notebooks, place, feedback, waiting, left_out, failed))
    if failed:
        raise LeftToDo(
            f"{len(failed)} submission{'s are' if len(failed) > 1 else ' is'} still to do; everything else is "
            "recorded. Run the same command again when that is mended."
        )
    return graded


def _settings(config, seed, isolation):
    """Those of the command line before those of the course folder."""
    given = config.GradeInSandbox
    return JudgeSettings(
        given.get("isolation", "full") if isolation is None else isolation,
        given.get("seed", DEFAULT_SEED) if seed is None else seed,
        float(given.get("seconds", 10.0)),
    )


def _without_any(absent: Mapping[str, Mapping[str, str]], found: set[str]) -> dict[str, str]:
    """Student -> why there is nothing to grade, for those of whom no notebook can be."""
    reasons = {student: reason for each in absent.values() for student, reason in each.items()}
    return {student: reason for student, reason in sorted(reasons.items()) if student not in found}


def _expect_released(course_dir, notebooks, config, tell):
    """See to it that gradebook and `release/` know the notebooks; before any time is spent on judging."""
    known = gradebook.expect_gradebook(config, notebooks)
    folder = course_dir / "release" / notebooks[0].lab
    if not known or not all((folder / f"{lesson.name}.ipynb").exists() for lesson in notebooks):
        tell(events.Releasing())
        release(course_dir, notebooks[0], config)


def _by_learner(course_dir, notebooks, found, force=False):
    """The submissions of each learner of whom some notebook is not graded: all of theirs, as nbgrader takes them."""
    open_ones = set()
    for lesson in notebooks:
        here = [one for one in found if one.notebook == lesson.name]
        open_ones |= {one.student for one in submissions.ungraded(course_dir, lesson, here, force)}
    return [tuple(one for one in found if one.student == student) for student in sorted(open_ones)]


def _judge_and_record(
    run: GradingRun,
    notebooks: Sequence[Any],
    config: Any,
    todo: Sequence[tuple[submissions.Submission, ...]],
    workers: int,
    scheduler: str | None,
    tell: Callable[[GradeEvent], None],
) -> dict[str, str]:
    """Student -> why that one could not be recorded."""
    started, total = time.monotonic(), sum(map(len, todo))

    def judged(one, verdict):
        tell(events.Judged(one.student, one.notebook, verdict))

    with contextlib.ExitStack() as stack:
        tell(events.Preparing(scheduler or ""))
        if scheduler:
            from autograder.classroom.dask_cluster import Cluster

            clusters = [stack.enter_context(Cluster(scheduler, lesson, run.grader)) for lesson in notebooks]
            place = clusters[0].where
        else:
            for lesson in notebooks:
                run.grader.warm(judged_as(lesson).runtime)
            place = f"on {workers} worker{'s' if workers > 1 else ''}"
        tell(events.Judging(total, len(todo), place))
        if scheduler:
            for lesson, cluster in zip(notebooks, clusters, strict=True):
                here = [one for learner in todo for one in learner if one.notebook == lesson.name]
                cluster.judge_all(run.course_dir, here, judged)
            recording = iter(todo)
        else:
            recording = submissions.judge_in_parallel(
                run.course_dir, notebooks, todo, run.grader, workers, judged
            )
            stack.enter_context(contextlib.closing(recording))
        failed = gradebook.record(
            run, notebooks[0].lab, config, recording, tick=lambda: tell(events.Recorded())
        )
    tell(events.JudgingDone(len(todo), time.monotonic() - started, place))
    return failed
