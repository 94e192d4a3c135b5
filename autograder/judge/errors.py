"""Errors of the judge that are meant to be read: one sentence that says what to do."""


class JudgeError(Exception):
    """Something the person at the keyboard can put right; the text says how."""


class Undecided(JudgeError):
    """What was handed in does not say which mark is right, so a person must ask; the text says what."""
