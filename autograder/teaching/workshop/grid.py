"""What the board shows, worked out from events: who is where, what goes wrong, and how late it is.

Nothing here knows of the web or of the disk. Times are seconds since 1970, as notebooks send them.
"""

from collections import Counter

STUCK = 600  # seconds with an exercise, tried and not passed
RECENT = 600  # seconds that a mistake counts as one of now


class Grid:
    """The state of a class. Fed with events in any order; the same event twice changes nothing.

    Args:
        lesson: the lab on the board.
    """

    def __init__(self, lesson):
        self.lesson = lesson
        self.exercises = list(lesson.exercises)
        self._cells = {}  # (user, exercise) -> [first try, last try, passed at or None, tries]
        self._current = {}  # user -> (when, exercise) of the last try
        self._recent = []  # (when, user, exercise, mistake)
        self._mistakes = set()  # (user, exercise, mistake)
        self.first = None

    def add(self, event):
        """Take an event in, if it is of this lab; returns whether it is."""
        user, exercise, at = event["user"], event["exercise"], event["at"]
        if exercise not in self.exercises:
            return False
        cell = self._cells.setdefault((user, exercise), [at, at, None, 0])
        cell[0], cell[1], cell[3] = min(cell[0], at), max(cell[1], at), cell[3] + 1
        if event["total"] and event["good"] == event["total"]:
            cell[2] = at if cell[2] is None else min(cell[2], at)
        self._current[user] = max(self._current.get(user, (0, "")), (at, exercise))
        self.first = at if self.first is None else min(self.first, at)
        if event["mistake"]:
            self._recent.append((at, user, exercise, event["mistake"]))
            self._mistakes.add((user, exercise, event["mistake"]))
        return True

    def state(self, user, exercise, now):
        """`untouched`, `trying`, `passed` or `stuck`."""
        cell = self._cells.get((user, exercise))
        if cell is None:
            return "untouched"
        if cell[2] is not None:
            return "passed"
        busy = self._current[user][1] == exercise
        return "stuck" if busy and now - cell[0] > STUCK else "trying"

    def row(self, user, now):
        """One learner's states, in the order of the exercises."""
        return [self.state(user, exercise, now) for exercise in self.exercises]

    def tries(self, user):
        """How often a learner checked each exercise."""
        return [self._cells.get((user, exercise), (0, 0, 0, 0))[3] for exercise in self.exercises]

    def mistakes(self, now, limit=6):
        """What goes wrong now: `(people, exercise, mistake)`, the most frequent first.

        A person counts once, and only while they have not passed the exercise.
        """
        self._recent = [entry for entry in self._recent if now - entry[0] <= RECENT]
        people = {
            (user, exercise, mistake)
            for _, user, exercise, mistake in self._recent
            if self._cells[user, exercise][2] is None
        }
        counts = Counter((exercise, mistake) for _, exercise, mistake in people)
        order = {exercise: place for place, exercise in enumerate(self.exercises)}
        ranked = sorted(counts.items(), key=lambda item: (-item[1], order[item[0][0]], item[0][1]))
        return [(count, exercise, mistake) for (exercise, mistake), count in ranked[:limit]]

    def all_mistakes(self):
        """Everything that was named, whenever: `(exercise, mistake, people)`."""
        counts = Counter((exercise, mistake) for _, exercise, mistake in self._mistakes)
        return [(exercise, mistake, count) for (exercise, mistake), count in counts.most_common()]

    def clock(self, started, now):
        """Elapsed against planned time.

        Args:
            started: when the lab began; the first check if `None`.

        Returns:
            `elapsed` (minutes, or `None` before it began), `planned` (minutes of the whole lab) and `ends`: by which
            minute each exercise is planned to be done. Exercises take their minutes; what the lab plans beyond
            them (reading, experiments, questions) is spread in proportion.
        """
        minutes = [cell.minutes for cell in self.lesson.exercises.values()]
        share = self.lesson.minutes / max(sum(minutes), 1)
        ends, total = [], 0
        for each in minutes:
            total += each * share
            ends.append(round(total))
        began = started if started is not None else self.first
        elapsed = None if began is None else max(0, now - began) / 60
        return {"elapsed": elapsed, "planned": self.lesson.minutes, "ends": ends}


def aliases(users):
    """User -> a name that says nothing about them, the same as long as nobody is taken out."""
    return {user: f"Learner {number}" for number, user in enumerate(users, start=1)}
