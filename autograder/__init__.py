"""Builds the labs and grades them. For instructors; never part of the learner's wheel."""
