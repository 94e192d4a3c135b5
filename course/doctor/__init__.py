"""Is this machine ready? `course doctor` finds out, and sums it up for an instructor.

A change here can tell a learner a wrong cure; nothing else depends on it.
"""
