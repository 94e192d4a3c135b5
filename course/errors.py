"""Errors that are meant to be read: one sentence that says what to do."""


class CourseError(Exception):
    """Something the person at the keyboard can put right; the text says how.

    In a notebook only that text is shown, without a traceback.
    """

    def _render_traceback_(self):
        # IPython asks an exception for its own rendering before it prints a traceback.
        return [str(self)]  # the sentence alone: the name of its class says nothing to a learner


class UnknownName(CourseError):
    """A lab or an exercise that does not exist; the text names those that come near."""
