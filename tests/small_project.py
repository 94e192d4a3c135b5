"""A tiny project with one lab, to build and to break."""

import nbformat

from autograder.authoring.build import build, source_notebook
from course.notebooks.lesson import read_lesson

LESSON = """\
# %% [markdown] lab=7 title="Sums" minutes=30
# # Sums

# %%
import math

import course

# %% given="LIMIT"

# %% [markdown]
# ## Doubling

# %% exercise="double" points=2 minutes=5 difficulty=1 forbidden="multiply"
# hint: Think of a sum.
# hint: Add the number to itself.

# %% [markdown]
# Now twice.

# %% exercise="Doubler" points=1.5 minutes=10 difficulty=3
# hint: You have `double`.
# hint: Call it on what comes in.

# %% experiment="curve" minutes=1
squares = [double(math.pi) for _ in range(3)]

# %% [markdown] question="why" points=1 minutes=5
# Why not multiply?
"""

SOLUTION = '''\
import functools
import math

# No sum may be larger.
# Not ever.
LIMIT = 1e9


def double(number):
    """Twice `number`."""
    ### BEGIN SOLUTION
    total = number + number  # the secret
    return min(total, LIMIT)
    ### END SOLUTION


class Doubler:
    """Doubles what it is called with."""

    def __init__(self, times=1):
        self.times = times
        ### BEGIN SOLUTION
        self.secret_step = double
        ### END SOLUTION

    def __call__(self, number):
        ### BEGIN SOLUTION
        for _ in range(self.times):
            number = self.secret_step(number)
        return math.floor(number)
        ### END SOLUTION
'''

ANSWERS = """\
# Sums: model answers

## why

Because adding is the exercise.

And because it is cheap.

Points:

- 1: it is cheap
"""

CHECKS = """\
from course.checking import check


@check("double")
def doubles(double): ...


@check("Doubler")
def doubles_too(doubler): ...
"""


class Project:
    """A tiny project with one lab."""

    def __init__(self, root):
        self.root = root
        self.write("course/lessons/en/sums.py", LESSON)
        self.write("solutions/sums.py", SOLUTION)
        self.write("solutions/model_answers/sums.md", ANSWERS)
        self.write("course/checks/sums.py", CHECKS)

    def write(self, path, text):
        (self.root / path).parent.mkdir(parents=True, exist_ok=True)
        (self.root / path).write_text(text)

    def replace(self, path, old, new):
        text = (self.root / path).read_text()
        assert old in text
        self.write(path, text.replace(old, new))

    @property
    def lesson(self):
        return read_lesson(self.root / "course/lessons/en/sums.py")

    def source(self):
        return source_notebook(self.lesson, self.root)

    def build(self, folder, gradebook=False):
        return build(folder, [self.lesson], self.root, gradebook=gradebook)

    def released(self, folder):
        self.build(folder)
        return nbformat.read(folder / "release/lab7_sums/sums.ipynb", as_version=4)
