"""The board's state and what can be done to it; `autograder.teaching.workshop.web` puts it on the web."""

import contextlib
import math
import threading
import time
from pathlib import Path

from autograder.authoring.source_code import Reference, without_markers
from autograder.classroom.waived_answers import write_record
from autograder.paths import ROOT
from autograder.teaching.workshop.fair_queue import FairQueue
from autograder.teaching.workshop.gradebook_names import enter
from autograder.teaching.workshop.grid import Grid, aliases
from autograder.teaching.workshop.judge_process import JudgeGone, Judging
from autograder.teaching.workshop.store import Store
from course.notebooks.lesson import find_exercise, find_lesson, lessons

SOLUTIONS = ROOT / "solutions"
NAMES_TOLD = (
    "In this room your name and the exercises you have passed are on the projector, too; marks never are."
)
MOST = 200  # events in one delivery
FAULT = "The grader could not finish; this is not your notebook's doing. Try again in a moment, or tell your instructor."


class Refused(Exception):
    """A request that cannot be granted, with its HTTP status and a sentence for whoever asked."""

    def __init__(self, status, reason):
        super().__init__(reason)
        self.status = status


class Board:
    """One workshop's board.

    Args:
        folder: where its database lies.
        course_dir: the course folder.
        lab: the lab shown first.
        isolation: as in grading.
        workers: submissions graded side by side.
        record: folder where it is written who took which answer, for later gradings; the course folder if left out.
        address: where people join, for the wall.
        code: the join code, for the wall.
        wall_names: whether learners were told that their names are shown there.
    """

    def __init__(
        self,
        folder,
        course_dir,
        lab="1",
        isolation="full",
        workers=2,
        record=None,
        address="",
        code="",
        wall_names=False,
    ):
        self.address, self.code, self.wall_names = address, code, wall_names
        self.course_dir = course_dir
        self.store = Store(Path(folder) / "board.sqlite")
        self.record = Path(record or course_dir)
        self.grids = {name: Grid(lesson) for name, lesson in lessons().items()}
        self.lab = find_lesson(str(lab)).name
        for event in self.store.events():
            self._take(event)
        self.version, self._of = 0, {}
        self._names = self.store.people()
        self.queue, self.judging = (
            FairQueue(workers),
            Judging(course_dir, isolation, workers, Path(folder) / "judge.log"),
        )
        self._shown, self.warmed = {}, False

    def _take(self, event):
        with contextlib.suppress(Exception):  # an exercise that is gone since
            self.grids[find_exercise(event["exercise"])[0].name].add(event)

    def changed(self, *users):
        """Something is new, for everybody who watches, or for these learners' own pages."""
        self.version += 1
        for user in users:
            self._of[user] = self.version

    def version_of(self, user):
        """Changes whenever this learner's own page does."""
        return self._of.get(user, 0)

    # what notebooks ask for

    def meet(self, user, alias=""):
        """Know a learner from now on."""
        if user not in self._names or (alias and self._names[user] != alias):
            self.store.meet(user, alias)
            self._names[user] = alias or self._names.get(user, "")
            self.changed(user)
            if alias:  # in its own time: a gradebook may be busy, and a room of people joins at once
                threading.Thread(target=enter, args=(self.course_dir, user, alias), daemon=True).start()

    async def take(self, user, events):
        """Keep a delivery of events; once this returns they are safe. What is malformed is left out."""
        sound = [event for event in map(_sound, events[:MOST]) if event]
        for event in await self.store.add_events(user, sound) if sound else ():
            self._take(event)
        self.changed(user)
        return len(sound)

    async def grade(self, user, lab, notebook):
        """Marks for a notebook, when it is this learner's turn.

        Raises:
            autograder.teaching.workshop.fair_queue.Full: if too much of theirs waits.
            Refused: if it could not be graded.
        """
        lesson = find_lesson(str(lab))
        began = time.monotonic()

        async def work():
            caught_up = self.store.caught_up().get(user, [])
            return await self.judging.judge(
                op="grade", lab=lesson.lab, notebook=notebook, caught_up=caught_up
            )

        try:
            said = await self.queue.run(user, work)
        except (OSError, JudgeGone):
            said = {"fault": "no connection to the grader"}
        if "fault" in said:
            raise Refused(503, FAULT)
        self.store.add_marks(user, lesson.lab, said["marks"])
        said.pop("diagnoses", None)
        self.changed(user)
        return {**said, "seconds": round(time.monotonic() - began, 2)}

    def answer(self, user, exercise):
        """The course's answer to an exercise, and a note that this learner has it.

        Raises:
            Refused: before the instructor has released it.
        """
        lesson, _ = find_exercise(exercise)
        if exercise not in self.store.released():
            raise Refused(
                403, f"Your instructor has not released {exercise} yet. Until then, course.hint helps."
            )
        self.store.catch_up(user, exercise)
        write_record(self.record, self.store.caught_up())
        self.changed(user)
        source = Reference(SOLUTIONS / f"{lesson.name}.py").answer(exercise).source
        return {"source": without_markers(source)}

    # what pages show

    def wall(self, lab, hidden=False):
        """What is on a projector: never marks, and names only if learners were told so."""
        shown = self.show(lab, hidden or not self.wall_names)
        people = [{**one, "points": None, "caught": []} for one in shown["people"]]
        return {**shown, "people": people, "labs": []}

    def show(self, lab, hidden=False):
        """Everything on the instructor's page, also with names `hidden`: JSON-serialisable."""
        key = (lab, hidden)
        kept = self._shown.get(key)
        if kept and kept[0] == self.version and time.time() - kept[1]["now"] < 5:
            return kept[1]
        now, grid = time.time(), self.grids[lab]
        names, marks, given = (
            self.names(hidden),
            self.store.best_marks(grid.lesson.lab),
            self.store.caught_up(),
        )
        shown = self._about(grid, now) | {
            "people": [
                {
                    "name": name,
                    "row": grid.row(user, now),
                    "tries": grid.tries(user),
                    "points": marks.get(user, (None,))[0],
                    "caught": [
                        grid.exercises.index(one) for one in given.get(user, ()) if one in grid.exercises
                    ],
                }
                for user, name in names.items()
            ],
            "mistakes": grid.mistakes(now),
            "joining": self._joining(),
            "labs": [
                [name, f"{each.lesson.number} {each.lesson.title}"] for name, each in self.grids.items()
            ],
        }
        self._shown[key] = (self.version, shown)
        return shown

    def own(self, user, lab):
        """A learner's own page: their row and nobody else's."""
        now, grid = time.time(), self.grids[lab]
        marks = self.store.best_marks(grid.lesson.lab).get(user)
        return self._about(grid, now) | {
            "people": [
                {
                    "name": self._names.get(user) or user,
                    "row": grid.row(user, now),
                    "tries": grid.tries(user),
                    "points": marks[0] if marks else None,
                    "caught": [],
                }
            ],
        }

    def _joining(self):
        """What the wall says to who has not joined yet; `None` once the class is in."""
        if not self.address or not self.store.switches().get("joining", True):
            return None
        return {"address": self.address, "code": self.code}

    def _about(self, grid, now):
        cells = grid.lesson.exercises.values()
        released = self.store.released()
        return {
            "now": now,
            "lab": grid.lesson.name,
            "title": f"Lab {grid.lesson.number}: {grid.lesson.title}",
            "exercises": [[cell.name, cell.minutes, cell.name in released] for cell in cells],
            "of": sum(cell.points for cell in cells),
            "told": NAMES_TOLD if self.wall_names else "",
            "clock": grid.clock(self.store.started().get(grid.lesson.lab), now),
        }

    def names(self, hidden=False):
        """User -> the name to show."""
        if hidden:
            return aliases(self._names)
        return {user: alias or user for user, alias in self._names.items()}

    def mistakes(self):
        """`(lab, exercise, mistake, people)` of everything that was named."""
        return [(grid.lesson.lab, *row) for grid in self.grids.values() for row in grid.all_mistakes()]

    # what the instructor does

    def release(self, exercise, on):
        """Release an answer, or take it back."""
        find_exercise(exercise)
        self.store.release(exercise, on)
        self.changed(*self._names)

    def let_in(self, on):
        """Show the address and the join code on the wall, or take them away: the class is in."""
        self.store.switch("joining", on)
        self.changed()

    def begin(self, lab):
        """Put a lab on the board and start its clock now."""
        lesson = find_lesson(lab)
        self.lab = lesson.name
        self.store.start(lesson.lab, time.time())
        self.changed(*self._names)

    async def warm(self):
        """Have the judge ready before the first submission."""
        with contextlib.suppress(Exception):
            await self.judging.judge(op="warm", lab=self.grids[self.lab].lesson.lab)
            self.warmed = True

    def close(self):
        self.judging.close()
        self.store.close()


def _sound(event):
    """An event as the store keeps it, or `None` for what is none."""
    try:
        good, total = int(event["good"]), int(event["total"])
        at = float(event["at"])
        found = {
            "id": str(event["id"])[:64],
            "exercise": str(event["exercise"])[:100],
            "at": at,
            "good": good,
            "total": total,
            "mistake": str(event["mistake"])[:200],
        }
        find_exercise(found["exercise"])
    except Exception:
        return None
    return found if math.isfinite(at) and 0 <= good <= total < 1000 and found["id"] else None
