"""How each exercise did as an item of a test: its difficulty, and how well it tells learners apart."""

import math
from dataclasses import dataclass

ENOUGH = 10  # learners; with fewer, one answer moves a correlation too far
HARD, EASY = 0.3, 0.95
SHARP, WEAK = 0.3, 0.1


@dataclass(frozen=True)
class Item:
    """One exercise's figures.

    Attributes:
        difficulty: the share of its points that the class earned, from 0 to 1; nan without learners.
        discrimination: correlation of its points with those of all other exercises (corrected item-total correlation),
            from -1 to 1; nan for fewer than `ENOUGH` learners, or where everybody has the same.
    """

    name: str
    difficulty: float
    discrimination: float

    def in_words(self) -> str:
        """What the figures mean, in a sentence for whoever teaches."""
        if math.isnan(self.difficulty):
            return "Nobody is graded yet."
        if math.isnan(self.discrimination):
            if self.difficulty >= EASY:
                return "Nearly everybody has it, so it says nothing about who is ahead."
            return "There are too few learners, or too equal marks, to say more."
        if self.discrimination < WEAK:
            if self.difficulty >= EASY:
                return "Nearly everybody has it, so it says little about who is ahead."
            return "Whether a learner has it does not go with the rest: read some answers, its text or check may mislead."
        level = (
            "hard" if self.difficulty < HARD else "easy" if self.difficulty >= EASY else "of a fitting level"
        )
        if self.discrimination >= SHARP:
            return f"It is {level}, and who has it is mostly ahead elsewhere, too."
        return f"It is {level}, and goes only loosely with the rest."


def items(exercises, marks) -> list[Item]:
    """The figures of each exercise.

    Args:
        exercises: name -> points it is worth.
        marks: for each learner, exercise -> points earned; an exercise that is missing counts as 0.
    """
    found = []
    for name, worth in exercises.items():
        own = [learner.get(name, 0.0) for learner in marks]
        rest = [sum(points for other, points in learner.items() if other != name) for learner in marks]
        difficulty = sum(own) / (worth * len(own)) if own and worth else math.nan
        found.append(Item(name, difficulty, _correlation(own, rest) if len(own) >= ENOUGH else math.nan))
    return found


def _correlation(one, other):
    """Pearson's correlation; nan where one side does not vary."""
    mean_one, mean_other = sum(one) / len(one), sum(other) / len(other)
    both = sum((x - mean_one) * (y - mean_other) for x, y in zip(one, other, strict=True))
    spread = math.sqrt(sum((x - mean_one) ** 2 for x in one) * sum((y - mean_other) ** 2 for y in other))
    return both / spread if spread > 1e-12 else math.nan
