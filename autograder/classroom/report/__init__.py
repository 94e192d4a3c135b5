"""What a class understood and what it did not, on one page: `autograder report`."""

from pathlib import Path


def show_report(course_dir, lab, folder=None, answer=None):
    """Write the report and say where it is and what it found.

    Args:
        course_dir: the course folder.
        lab: as a person names it.
        folder: where to; `reports/` of the course folder if left out.
        answer: a dictionary that is filled with the same, for `--json`.

    Returns:
        Path of the page; of several notebooks, that of the first.

    Raises:
        autograder.classroom.course_folder.GradeError: if nothing is graded yet, or the folder is no course folder.
    """
    from autograder.classroom.assignments import find_chosen
    from autograder.classroom.lateness import settle
    from autograder.classroom.submissions import load_config

    course_dir = Path(course_dir).resolve()
    notebooks, config = find_chosen(course_dir, lab), load_config(course_dir)
    lateness, _ = settle(course_dir, notebooks[0], config)
    several = len(notebooks) > 1
    found = [_show(course_dir, lesson, folder, {} if several else lateness) for lesson in notebooks]
    plain = [as_plain(facts) | {"page": str(page), "table": str(table)} for facts, page, table in found]
    if answer is not None:
        answer.update({"lab": notebooks[0].lab, "notebooks": plain} if several else plain[0])
    return found[0][1]


def _show(course_dir, lesson, folder, lateness):
    from rich.markup import escape

    from autograder.classroom.report.page import write_report
    from autograder.console import console, short_path

    if getattr(lesson, "several", False):
        console.print(f"[bold]{escape(lesson.title)}[/]", highlight=False)
    with console.status("reading verdicts and submissions") as status:
        facts, page, table = write_report(
            course_dir,
            lesson,
            folder,
            lambda done, total: status.update(f"reading submissions: {done} of {total}"),
            lateness,
        )
    handed_in = [learner for learner in facts.learners if learner.handed_in]
    graded, eyes = len(facts.graded), sum(bool(learner.eyes) for learner in handed_in)
    alike = sum(len(group.learners) for group in facts.alike)
    console.print(f"{graded} of {len(handed_in)} submissions are graded.", highlight=False)
    mistakes = [
        (len(m.learners), e.name, m.feedback)
        for e in facts.exercises
        for m in e.mistakes
        if len(m.learners) > 1
    ]
    for count, exercise, says in sorted(mistakes, key=lambda found: -found[0])[:3]:
        console.print(f"  {count} of {graded}  [bold]{exercise}[/]: {escape(says)}", highlight=False)
    if eyes or alike:
        console.print(f"For a person's eye: {eyes}; near-identical answers: {alike}.", highlight=False)
    for what, path in (("page", page), ("table", table)):
        console.print(f"[bold]{what:<10}[/] {escape(short_path(path))}", highlight=False, soft_wrap=True)
    return facts, page, table


def as_plain(facts):
    """What the report shows, in plain values."""
    return {
        "lab": facts.lesson.lab,
        "points": facts.max_points,
        "graded": len(facts.graded),
        "totals": facts.totals,
        "exercises": [
            {
                "name": one.name,
                "points": one.points,
                "average": one.average,
                "right": one.right,
                "part": one.part,
                "none": one.none,
                "unwritten": one.unwritten,
                "ready_made": one.ready_made,
                "mistakes": [
                    {"name": mistake.name, "feedback": mistake.feedback, "learners": mistake.learners}
                    for mistake in one.mistakes
                ],
            }
            for one in facts.exercises
        ],
        "for_a_person": {
            learner.name: [{"kind": kind, "sentence": sentence} for kind, sentence in learner.eyes]
            for learner in facts.learners
            if learner.eyes
        },
        "alike": [group.learners for group in facts.alike],
    }
