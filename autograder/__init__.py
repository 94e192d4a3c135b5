"""Builds the labs, judges answers, runs a class and teaches a room. For instructors; never part of the learner's wheel.

`teaching -> classroom -> authoring -> hidden -> judge`: imports run this way and never back.
"""
