"""One class's course folder: submissions, gradebook, nbgrader's plug-in, feedback, table, report, demo.

A change here can lose, delay or misplace a mark on its way to the learner; what a mark is, is decided in `judge`.
"""
