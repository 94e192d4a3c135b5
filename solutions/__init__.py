"""The reference: one readable module per lab. For instructors; never part of the learner's wheel."""
