"""Who was late and what it costs: brings the gradebook in line with the due dates, without judging anything again.

nbgrader keeps the due date, the extensions, the time of handing in and the penalty, and its plug-in says what a penalty
is. It computes the penalty once, when a submission is graded; here it is computed whenever marks are shown, so that a
date that was moved corrects the marks of whoever was graded before.
"""

import contextlib
import datetime
import json
import math
import re
from dataclasses import dataclass, replace
from pathlib import Path

from nbgrader.api import Gradebook, MissingEntry
from nbgrader.coursedir import CourseDirectory
from nbgrader.preprocessors import AssignLatePenalties

from autograder.classroom.deadlines import DAY, Penalty, read_deadlines, shown
from autograder.classroom.lms.record import read_record
from autograder.classroom.lms.times import UTC, DoubtfulTime, TimeReader
from autograder.judge.atomic_write import write_whole

STATE = ".lateness.json"  # of a course folder: lab -> learner -> what was last said and written
WESTERNMOST = datetime.timedelta(hours=14)  # a local time may be that much earlier than the same time in UTC


@dataclass(frozen=True)
class Lateness:
    """When a learner handed in, and what follows.

    Attributes:
        handed_in: in UTC; `None` if it is not known.
        due: with the learner's extension, in UTC; `None` if the lab has no due date.
        seconds: late, after grace days.
        grace: grace days that were spent on it.
        penalty: points, off the whole lab.
        share: the part of the points that is lost; `None` if a plug-in gave points and no part.
        words: what a person has to know; empty if there is nothing.
    """

    handed_in: datetime.datetime | None = None
    due: datetime.datetime | None = None
    seconds: float = 0.0
    grace: int = 0
    penalty: float = 0.0
    share: float | None = None
    words: str = ""

    def off(self, points: float) -> float:
        """The penalty on some points of the lab, such as those of its exercises."""
        off = self.penalty if self.share is None else points * self.share
        return min(off, points)


def settle(
    course_dir: Path, lesson, config, only: str | None = None
) -> tuple[dict[str, Lateness], list[str]]:
    """Bring the gradebook in line with the due dates, for everybody who is graded.

    Args:
        only: this learner alone.

    Returns:
        `(learner -> Lateness, learners whose penalty or whose words changed)`.

    Raises:
        GradeError: if `deadlines.toml` says something that nobody can have meant.
    """
    course_dir = Path(course_dir)
    deadlines, state = read_deadlines(course_dir), read_state(course_dir)
    before = state.get(lesson.lab, {})
    coursedir = CourseDirectory(config=config)
    found, changed = {}, []
    with Gradebook(coursedir.db_url, coursedir.course_id) as gradebook:
        try:
            assignment = gradebook.find_assignment(lesson.lab)
            submissions = (
                [gradebook.find_submission(lesson.lab, only)]
                if only
                else gradebook.assignment_submissions(lesson.lab)
            )
        except MissingEntry:
            return {}, []
        if lesson.lab in deadlines.due:
            assignment.duedate = deadlines.due[lesson.lab]
        if assignment.duedate is None and not before:
            return {}, []  # a penalty that a person wrote stays
        spent, rule = _grace_spent(gradebook, deadlines, lesson), _rule(config, deadlines)
        people, origins = _people(submissions), read_record(course_dir, lesson)
        for submission in submissions:
            name = submission.student.id
            earlier = before.get(name, {})
            _extend(submission, deadlines, earlier, lesson.lab)
            one = _lateness(course_dir, lesson, submission, deadlines, origins.get(name))
            left = max(deadlines.grace_days - spent.get(people[name], 0), 0)
            one = rule.applied(submission, _with_grace(one, left, rule))
            one = replace(one, words=_words(one, deadlines.timezone))
            found[name] = one
            if earlier.get("words", "") != one.words or not math.isclose(
                earlier.get("penalty", 0), one.penalty
            ):
                changed.append(name)
        state[lesson.lab] = (before if only else {}) | {
            name: _remembered(one, name, deadlines, lesson.lab) for name, one in found.items()
        }
        gradebook.db.commit()
    if state[lesson.lab] != before:
        write_whole(course_dir / STATE, json.dumps(state, indent=1, ensure_ascii=False, sort_keys=True))
    return found, sorted(changed)


def _remembered(one, name, deadlines, lab):
    extension = deadlines.extension(lab, name)
    kept = {"words": one.words, "penalty": one.penalty, "grace": one.grace}
    return kept | ({"extension": extension.total_seconds()} if extension is not None else {})


def read_state(course_dir):
    """Lab -> learner -> what was last said and written about lateness; empty if nothing was."""
    try:
        found = json.loads((course_dir / STATE).read_text(encoding="utf-8"))
        return found if all(isinstance(lab, dict) for lab in found.values()) else {}
    except (OSError, ValueError, AttributeError):
        return {}


def _extend(submission, deadlines, earlier, lab):
    """Write the file's extension; one that a person granted in the gradebook stays, if it is longer."""
    wanted = deadlines.extension(lab, submission.student.id)
    there = submission.extension
    ours = there is not None and there.total_seconds() == earlier.get("extension")
    if wanted is not None and (there is None or ours or wanted > there):
        submission.extension = wanted
    elif wanted is None and ours:
        submission.extension = None


def _lateness(course_dir, lesson, submission, deadlines, origin):
    """When this one was handed in, and how late, before grace days and penalty."""
    name, due = submission.student.id, submission.duedate
    folder = course_dir / "submitted" / name / lesson.lab
    handed_in, doubt, problem = submission.timestamp, datetime.timedelta(), ""
    if folder.is_dir():
        handed_in, doubt, problem = read_stamp(folder, origin, deadlines.timezone)
        submission.timestamp = handed_in
    if due is None or handed_in is None:
        return Lateness(handed_in, due, words=problem)
    seconds = (handed_in - due).total_seconds()
    if seconds > 0 and (handed_in - doubt) <= due:
        return Lateness(
            handed_in,
            due,
            words="late or not, that depends on the zone of its time: set timezone in deadlines.toml",
        )
    return Lateness(handed_in, due, max(seconds - doubt.total_seconds(), 0.0))


def read_stamp(folder: Path, origin, timezone):
    """`(time in UTC or None, how much earlier it may have been, what is wrong)` from `timestamp.txt`.

    A time without a zone is that of the course, or, where nobody has named one, of anywhere.
    """
    try:
        text = (folder / "timestamp.txt").read_text(encoding="utf-8").strip()
    except FileNotFoundError:
        return None, datetime.timedelta(), ""
    except (OSError, UnicodeDecodeError):
        text = "?"
    try:
        if origin is not None and not origin.zoned and text == origin.handed_in:
            text = text.removesuffix(" UTC")
        time, zoned = TimeReader(timezone).read(text)
    except DoubtfulTime:
        return None, datetime.timedelta(), "timestamp.txt cannot be read, so nobody knows whether it was late"
    if origin is None and timezone is not None and not _has_zone(text):
        # Written by hand, or by a program that means UTC: the earlier of the two counts.
        time = min(time, TimeReader(UTC).read(text)[0])
    return time, datetime.timedelta() if zoned else WESTERNMOST, ""


def _has_zone(text):
    try:
        return TimeReader().read(text)[1]
    except DoubtfulTime:
        return True  # an abbreviation that the course's zone explained


def _with_grace(one, left, rule):
    """Spend grace days, as many as are needed, where they change anything."""
    days = min(math.ceil(one.seconds / DAY), left)
    after = max(one.seconds - days * DAY, 0.0)
    return replace(one, seconds=after, grace=days) if days and rule.gains(one.seconds, after) else one


def _grace_spent(gradebook, deadlines, lesson):
    """Learner -> grace days that earlier labs took; as many as their own run would spend."""
    spent = {}
    if not deadlines.grace_days or lesson.lab not in deadlines.due:
        return spent
    earlier = sorted(
        (due, lab)
        for lab, due in deadlines.due.items()
        if (due, lab) < (deadlines.due[lesson.lab], lesson.lab)
    )
    penalty = deadlines.penalty or Penalty(zero_after=0)  # a plug-in is asked about whole labs only
    for due, lab in earlier:
        with contextlib.suppress(MissingEntry):
            submissions = gradebook.assignment_submissions(lab)
            people = _people(submissions)
            for submission in submissions:
                name = people[submission.student.id]
                extension = deadlines.extension(lab, submission.student.id) or submission.extension
                late = submission.timestamp and (
                    submission.timestamp - due - (extension or datetime.timedelta())
                )
                seconds = max(late.total_seconds(), 0.0) if late else 0.0
                days = min(math.ceil(seconds / DAY), deadlines.grace_days - spent.get(name, 0))
                if days > 0 and penalty.share(max(seconds - days * DAY, 0.0)) < penalty.share(seconds):
                    spent[name] = spent.get(name, 0) + days
    return spent


def _people(submissions):
    """Submission's name -> the person over all labs: without the number that Moodle makes anew for every assignment,
    unless two have the same name."""
    bare = {one.student.id: re.sub(r"_\d+$", "", one.student.id) for one in submissions}
    return {name: short if list(bare.values()).count(short) == 1 else name for name, short in bare.items()}


class _Rule:
    """What being late costs: the file's rule, or the plug-in that nbgrader is configured with."""

    def __init__(self, penalty, plugin):
        self.penalty, self.plugin = penalty, plugin

    def gains(self, before, after):
        if self.penalty is None:
            return after == 0  # a plug-in is only asked about a whole lab
        return self.penalty.share(after) < self.penalty.share(before)

    def applied(self, submission, one):
        """The same with its penalty, which is written to the gradebook."""
        total, share = 0.0, None if self.penalty is None else self.penalty.share(one.seconds)
        for notebook in submission.notebooks:
            off = None
            if one.seconds > 0:
                off = (
                    self.plugin.late_submission_penalty(submission.student.id, notebook.score, one.seconds)
                    if share is None
                    else notebook.score * share
                )
            off = None if off is None else min(max(off, 0.0), notebook.score)
            if (notebook.late_submission_penalty or 0) != (off or 0):
                notebook.late_submission_penalty = off
            total += off or 0
        return replace(one, penalty=total, share=share)


def _rule(config, deadlines):
    step = AssignLatePenalties(config=config)
    step.init_plugin()
    return _Rule(deadlines.penalty, step.plugin_inst)


def _words(one, timezone):
    """What a person has to know about it, in one sentence without a full stop; empty if there is nothing."""
    if one.words or one.due is None or one.handed_in is None:
        return one.words
    if not one.seconds and not one.grace:
        return ""
    due = f"due {shown(one.due, timezone)}, handed in {shown(one.handed_in, timezone)}"
    grace = f"{one.grace} grace day{'s' if one.grace > 1 else ''} used" if one.grace else ""
    if not one.seconds:
        return f"late, but in time with {grace} ({due})"
    cost = f"{one.penalty:g} points off" if one.penalty else "no points off"
    return f"{_span(one.seconds)} late: {', '.join(filter(None, [cost, grace]))} ({due})"


def _span(seconds):
    days, rest = divmod(int(seconds), DAY)
    hours, minutes = rest // 3600, rest % 3600 // 60
    if days:
        return f"{days} day{'s' if days > 1 else ''}" + (f" {hours} h" if hours else "")
    return f"{hours} h {minutes} min" if hours else f"{max(minutes, 1)} min"
