"""Builds the labs and grades them. For instructors; never part of the learner's wheel."""

DEFAULT_SEED = 20170612  # what probes draw from: the day "Attention Is All You Need" appeared
