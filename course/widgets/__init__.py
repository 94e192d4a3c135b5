"""Pictures that answer: what a learner moves with keys or mouse, and curves that grow while a model trains.

Each has a text that says what it shows, and leaves an ordinary picture where nothing can move: on a page, or in a notebook
that was saved. A change here can break an experiment's cell, never an answer or a mark.
"""

from course.widgets.explorer import explore

__all__ = ["explore"]
