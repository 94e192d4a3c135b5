"""To and from learning management systems: what they let one download, their rosters, and what they take back.

A change here can leave a learner out, or mix two up.
"""
