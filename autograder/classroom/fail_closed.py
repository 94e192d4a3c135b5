"""Learner's code runs shut in or not at all: without our step in what nbgrader loaded, a sentence before a cell runs.

nbgrader puts its settings together from several files and the command line, and the last one wins. So what is looked
at is the converter that came out of all of them, not the file that should have said so.
"""

import atexit
import functools
import inspect
import json
from pathlib import Path

from traitlets import TraitError
from traitlets.utils.importstring import import_item

from autograder.classroom.course_folder import GradeError
from autograder.judge.atomic_write import write_whole
from autograder.judge.grader import GraderPool

LINES = ("from autograder.classroom.nbgrader_config import configure", "configure(get_config())")
HOOK = "autograder.classroom.guard.before_grading"
ADDED = "\n# Added by `autograder init`: submissions are run shut in. Keep these lines the last ones.\n"
OURS = {"Autograde": ("exporter_class", "autograde_preprocessors"), "GenerateFeedback": ("preprocessors",)}


class Unprotected(GradeError):
    """nbgrader would run learners' code with everything the grader may do. Says which lines to add."""

    def __init__(self, reason):
        super().__init__(
            f"Nothing was run: learners' code would run unprotected here, because {reason}. Make these the last lines "
            "of nbgrader_config.py, and set nothing else in their place in nbgrader_config.json or on the command "
            "line:\n" + "\n".join(f"    {line}" for line in LINES)
        )


def reason_unprotected(converter):
    """Why a converter would run learners' code unprotected; empty if it would not.

    Args:
        converter: an `Autograde` or `GenerateFeedback` of nbgrader's, with all its settings.
    """
    from nbgrader.converters import Autograde
    from nbgrader.preprocessors import SaveAutoGrades

    from autograder.classroom.nbgrader_plugin import GradeInSandbox, RepairingExporter

    grading = isinstance(converter, Autograde)
    lists = ("sanitize_preprocessors", "autograde_preprocessors") if grading else ("preprocessors",)
    steps = {}
    for name in lists:
        steps[name] = []
        for step in getattr(converter, name):
            try:
                steps[name].append(import_item(step) if isinstance(step, str) else step)
            except Exception as error:
                return f"{step!r} in {type(converter).__name__}.{name} cannot be imported ({error})"
            if _executes(steps[name][-1]):
                return f"{type(converter).__name__}.{name} holds {_called(steps[name][-1])}, which runs notebooks"
    if not grading:
        exporter = converter.exporter_class(parent=converter, config=converter.config)
        return _reason_in(exporter)
    if not issubclass(converter.exporter_class, RepairingExporter):
        return f"Autograde.exporter_class is {_called(converter.exporter_class)}, not RepairingExporter"
    kinds = [_kind(step) for step in steps["autograde_preprocessors"]]
    places = [number for number, kind in enumerate(kinds) if issubclass(kind, GradeInSandbox)]
    if not places:
        return "GradeInSandbox is not in Autograde.autograde_preprocessors"
    if any(issubclass(kind, SaveAutoGrades) for kind in kinds[: places[0]]):
        return "in Autograde.autograde_preprocessors SaveAutoGrades stands before GradeInSandbox"
    if not all(kinds[place](parent=converter).enabled for place in places):
        return "GradeInSandbox is switched off"
    return ""


def _reason_in(exporter, needed=object):
    """Why the steps that an exporter is about to take would run code unprotected; empty if they would not."""
    for step in exporter._preprocessors:
        if _executes(step):
            return f"{_called(step)} is among its steps, which runs notebooks"
    if not any(
        isinstance(step, needed) and getattr(step, "enabled", True) for step in exporter._preprocessors
    ):
        return f"{needed.__name__} is not among its steps" if needed is not object else ""
    return ""


def _kind(step):
    return step if inspect.isclass(step) else type(step)


def _called(step):
    return f"{_kind(step).__module__}.{_kind(step).__name__}"


def _executes(step):
    from nbclient import NotebookClient

    return issubclass(_kind(step), NotebookClient)  # nbconvert's and nbgrader's steps are such clients


def expect_protected(config):
    """Refuse settings with which `nbgrader autograde` or `generate_feedback` would run learners' code unprotected.

    Args:
        config: a traitlets `Config`, as `autograder.classroom.submissions.load_config` gives it.

    Raises:
        Unprotected: with the lines to add.
    """
    from nbgrader.converters import Autograde, GenerateFeedback
    from nbgrader.coursedir import CourseDirectory

    for kind in (Autograde, GenerateFeedback):
        try:
            converter = kind(coursedir=CourseDirectory(config=config), config=config)
            reason = reason_unprotected(converter)
        except TraitError as error:
            reason = f"a setting of {kind.__name__} cannot be used ({error})"
        if reason:
            raise Unprotected(reason)


def guard_nbgrader():
    """From now on no `Autograde` or `GenerateFeedback` of this process starts unprotected, whatever is set later."""
    from nbgrader.converters import Autograde, GenerateFeedback

    if not hasattr(Autograde.start, "__wrapped__"):
        pool = GraderPool()  # the formgrader's server grades again and again, and a warm server takes seconds
        atexit.register(pool.close)
        Autograde.grading_run = None
        Autograde.start = _guarded_start(_in_a_run(Autograde.start, pool))
    if not hasattr(GenerateFeedback.start, "__wrapped__"):
        GenerateFeedback.start = _guarded_start(GenerateFeedback.start)
    if not hasattr(Autograde._init_preprocessors, "__wrapped__"):
        Autograde._init_preprocessors = _guarded_steps(Autograde._init_preprocessors)


def _guarded_start(start):
    from nbgrader.converters.base import NbGraderException

    @functools.wraps(start)
    def guarded(self):
        reason = reason_unprotected(self)
        if reason:
            refusal = Unprotected(reason)
            self.log.error(str(refusal))
            raise NbGraderException(str(refusal))
        start(self)

    return guarded


def _in_a_run(start, pool):
    """nbgrader's step within a `GradingRun`, unless it was given one."""
    from nbgrader.converters.base import NbGraderException

    from autograder.classroom.grading_run import GradingRun
    from autograder.classroom.nbgrader_plugin import settings_of

    @functools.wraps(start)
    def within(self):
        if self.grading_run is not None:
            return start(self)
        try:
            with GradingRun(self.coursedir.root, pool.grader(settings_of(self)), keep=True) as run:
                self.grading_run = run
                start(self)
        except GradeError as error:
            self.log.error(str(error))
            raise NbGraderException(str(error)) from None
        finally:
            self.grading_run = None

    return within


def _guarded_steps(init_preprocessors):
    from nbgrader.converters.base import NbGraderException

    from autograder.classroom.nbgrader_plugin import GradeInSandbox

    @functools.wraps(init_preprocessors)
    def guarded(self):
        init_preprocessors(self)
        reason = _reason_in(self.exporter, object if self._sanitizing else GradeInSandbox)
        if reason:
            raise NbGraderException(str(Unprotected(reason)))

    return guarded


def add_trusted_grading(course_dir):
    """See to it that a course folder's settings load trusted grading, and that nothing is run if they cannot be read.

    Settings that are somebody's own are kept: the two lines are added at their end. Where that would overrule what
    somebody chose, or does not help, nothing is changed.

    Returns:
        Whether an existing file was added to.

    Raises:
        Unprotected: where a person has to do it; says how.
        GradeError: where the settings cannot be read.
    """
    from autograder.classroom.submissions import load_config

    added = _add_lines(Path(course_dir) / "nbgrader_config.py")
    file = Path(course_dir) / "nbgrader_config.json"
    config = load_config(course_dir)
    hooked = any("pre_convert_hook" in config[kind] for kind in ("BaseConverter", "Autograde"))
    if not file.exists() and not hooked:  # what is somebody's own stays as it is
        write_whole(file, json.dumps({"Autograde": {"pre_convert_hook": HOOK}}, indent=1) + "\n")
    return added


def _add_lines(file):
    from autograder.classroom.nbgrader_config import COURSE_FILE
    from autograder.classroom.submissions import load_config

    course_dir = file.parent
    if not file.exists():
        write_whole(file, COURSE_FILE)
        try:
            expect_protected(load_config(course_dir))
        except BaseException:
            file.unlink()
            raise
        return False
    config = load_config(course_dir)
    try:
        expect_protected(config)
        return False
    except Unprotected:
        chosen = [name for kind, names in OURS.items() for name in names if name in config[kind]]
        if chosen or file.is_symlink():
            raise
    before = file.read_bytes()
    write_whole(file, before.rstrip() + ("\n" + ADDED + "\n".join(LINES) + "\n").encode())
    try:
        expect_protected(load_config(course_dir))
    except BaseException:
        write_whole(file, before)
        raise
    return True
