"""Puts submissions that were downloaded from Moodle, Canvas or anywhere into `submitted/`, where they are graded.

Names are read off the paths by nbgrader's own `FileNameCollectorPlugin`, so a pattern written for
`nbgrader zip_collect` works here. Opening archives and placing files is done by ourselves (`autograder.classroom.lms.unpack`):
nbgrader's way stops a whole class at a doubled file, clears a learner's folder before it fills it, and unpacks whatever
an archive holds.
"""

import contextlib
import json
import os
import re
import shlex
import tempfile
from pathlib import Path

from autograder.classroom.course_folder import GradeError, digest, lock_course_folder, printable
from autograder.classroom.deadlines import course_timezone
from autograder.classroom.lms.collected import Collected, SortedOut
from autograder.classroom.lms.file_names import namer, read_names
from autograder.classroom.lms.record import write_record
from autograder.classroom.lms.roster import list_names, truncate
from autograder.classroom.lms.times import TimeReader, find_timezone
from autograder.classroom.lms.unpack import Unpacker, unpack
from autograder.judge.atomic_write import write_whole


def collect(
    source,
    lab,
    course_dir,
    pattern=None,
    origin=None,
    dry_run=False,
    timezone=None,
    day_first=None,
    encoding=None,
):
    """Collect a download and say what became of every file in it.

    Args:
        source: a folder, or a zip.
        pattern: regular expression, matched from the start of each path inside the download, with a group
            `student_id` and, if there are, `timestamp` (any usual form) or `order` (a number).
        origin: a key of `autograder.classroom.lms.sources.SYSTEMS`, in the place of a pattern.
        dry_run: write nothing.
        timezone: name of the zone in which times without one were written; that of `deadlines.toml` if left out.
        day_first: whether 05.11.2026 is in November; found from the other dates if left out and they show it.
        encoding: code page of names in zips that do not say it.

    Returns:
        A `Collected`.

    Raises:
        GradeError: if nothing can be collected, with the reason.
    """
    from autograder.classroom.assignments import find_notebook
    from autograder.classroom.submissions import load_config
    from autograder.console import console, progress, short_path

    course_dir = Path(course_dir).resolve()
    lesson = find_notebook(course_dir, lab)
    load_config(course_dir)  # complains where there is no course
    name_all, unpacker = namer(pattern, origin), Unpacker(encoding)
    zone = find_timezone(timezone) if timezone else course_timezone(course_dir)
    times = TimeReader(zone, day_first)
    with tempfile.TemporaryDirectory(prefix="collect-") as scratch:
        with progress(transient=True, disable=not console.is_terminal) as bars:
            bar = bars.add_task("reading", total=None)
            found = sort_out(
                Path(source), lesson, name_all, times, Path(scratch), lambda: bars.advance(bar), unpacker
            )
        if not found.tries:
            raise GradeError(_why_nothing(source, found))
        result = Collected(found, latest(found, lesson), dry_run, zone, times, unpacker.guessed)
        with contextlib.nullcontext() if dry_run else lock_course_folder(course_dir):
            for one in [] if dry_run else result.chosen.values():
                try:
                    what = place(course_dir, lesson, one)
                    result.counts.setdefault(what, []).append(one.student)
                except (GradeError, OSError) as error:
                    reason = getattr(error, "strerror", None) or error
                    found.left_out.append(f"{printable(one.path)}: {reason}")
            taken = {name for what, names in result.counts.items() if what != "older" for name in names}
            if not dry_run:
                write_record(course_dir, lesson, origin, [result.chosen[name] for name in taken])
    for sentence in result.sentences():
        console.print(sentence, highlight=False, markup=False)
    if not dry_run:
        flag = "" if Path.cwd() == course_dir else f" --course {shlex.quote(short_path(course_dir))}"
        console.print(f"Grade     autograder grade {lesson.number}{flag}", highlight=False, soft_wrap=True)
    return result


def sort_out(source, lesson, name_all, times, scratch, tick=lambda: None, unpacker=None):
    """Go through a download; the content of notebooks waits in `scratch`, not in memory.

    Args:
        name_all: what `namer` gave.
        times: a `TimeReader`.
        unpacker: an `Unpacker`.

    Returns:
        A `SortedOut`.
    """
    found, files, notes = SortedOut(), [], {}
    for number, (path, content, problem) in enumerate(unpack(source, unpacker)):
        tick()
        shown = truncate(printable(path))
        if problem:
            found.left_out.append(f"{shown}: {problem}")
            continue
        if not path.lower().endswith(".ipynb"):
            if content:
                notes[path] = content
            found.others.append(shown)
            continue
        other = _other_lab(content, lesson)
        if other:
            found.left_out.append(f"{shown}: it is a notebook of {other}")
            continue
        file = scratch / str(number)
        file.write_bytes(content)
        files.append((path, file, digest(content)))
    names = name_all([path for path, *_ in files], notes)
    for path, one, problem in read_names(files, names, times):
        shown = truncate(printable(path))
        if one and not problem:
            found.tries.append(one)
        elif problem:
            if one:
                found.untimed.add(one.student)
            found.left_out.append(f"{shown}: {problem}")
        else:
            found.strangers.append(shown)
    return found


def _other_lab(content, lesson):
    """The lab that a notebook says it belongs to, if that is another one."""
    try:
        lab = json.loads(content)["metadata"]["course"]["lab"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return ""  # damaged ones are collected, too: what can be read of them is graded
    return (
        printable(lab)
        if isinstance(lab, str) and lab != lesson.lab and re.fullmatch(r"lab\d+_\w+", lab)
        else ""
    )


def latest(sorted_out, lesson):
    """The try of each learner that counts; the others, and whoever is unclear, go to `left_out` with the reason.

    Returns:
        Learner -> `Try`.
    """
    chosen, by_student = {}, {}
    for one in sorted_out.tries:
        by_student.setdefault(one.student, []).append(one)
    for student, tries in by_student.items():
        named = {one.named for one in tries}
        last = [one for one in tries if one.order == max(other.order for other in tries)]
        if len({one.digest for one in last}) > 1:  # the lab's own name is no accident
            last = [one for one in last if Path(one.path).stem == lesson.name] or last
        if len(named) > 1:
            reason = f"the folder {student} could be any of theirs: rename them in the download"
            sorted_out.left_out.append(f"{list_names(sorted(map(printable, named)))}: {reason}")
        elif student in sorted_out.untimed:
            names = list_names([printable(one.path) for one in tries])
            sorted_out.left_out.append(
                f"{names}: {student} has another try whose time cannot be read; keep one"
            )
        elif len({one.digest for one in last}) > 1:
            names = list_names([printable(one.path) for one in last])
            sorted_out.left_out.append(
                f"{names}: nothing says which is the latest of {student}; keep one of them"
            )
        else:
            chosen[student] = last[0]
            for one in tries:
                if one is not last[0]:
                    sorted_out.left_out.append(
                        f"{printable(one.path)}: {printable(last[0].path)} counts for {student}"
                    )
    return chosen


def place(course_dir, lesson, one):
    """Write a try into `submitted/`; what lay there before is kept in `replaced/`.

    Returns:
        `"new"`, `"same"`, `"replaced"`, or `"older"` if what is there was handed in later, and stays.

    Raises:
        GradeError: if a link is in the way.
    """
    folder = course_dir / "submitted" / one.student / lesson.lab
    path, stamp = folder / f"{lesson.name}.ipynb", folder / "timestamp.txt"
    for link in (course_dir / "submitted", folder.parent, folder, path, stamp):
        if link.is_symlink():
            raise GradeError(f"{link.relative_to(course_dir)} is a link: take it out of the way")
    if folder.parent.exists() and one.student not in os.listdir(course_dir / "submitted"):
        raise GradeError(
            f"this disk takes {one.student} and another learner's name for one folder: rename one"
        )
    content = one.file.read_bytes()
    before = path.read_bytes() if path.exists() else None
    if before is not None and one.time and _time(stamp) and one.time < _time(stamp):
        return "older"
    if before is not None and before != content:
        write_whole(
            course_dir / "replaced" / lesson.lab / f"{one.student}-{digest(before)[:12]}.ipynb", before
        )
    if before != content:
        write_whole(path, content)
    if one.time:
        write_whole(stamp, one.time.strftime("%Y-%m-%d %H:%M:%S UTC").encode())
    elif before != content:
        stamp.unlink(missing_ok=True)  # it was that of what lay there before
    return "new" if before is None else "same" if before == content else "replaced"


def _time(stamp):
    from nbgrader.utils import parse_utc

    with contextlib.suppress(OSError, ValueError, OverflowError):
        return parse_utc(stamp.read_text(encoding="utf-8").strip())
    return None


def _why_nothing(source, sorted_out):
    if sorted_out.strangers:
        return (
            f"none of {len(sorted_out.strangers)} notebooks has a name that fits, such as "
            f"{list_names(sorted_out.strangers, 3)}: the pattern is matched from the start of these paths"
        )
    reasons = [f"left out: {sentence}" for sentence in sorted_out.left_out[:5]]
    reasons += [f"other files: {list_names(sorted_out.others, 3)}"] if sorted_out.others else []
    return f"there is no notebook in {source}" + (f" ({'; '.join(reasons)})" if reasons else "")
