"""Errors of the judge that are meant to be read: one sentence that says what to do."""


class JudgeError(Exception):
    """Something the person at the keyboard can put right; the text says how."""
