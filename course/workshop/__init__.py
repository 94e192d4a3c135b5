"""A learner's side of a workshop: hand in now, fetch a released answer, tell the board how it goes.

A change here can leave a learner in a room without marks or the instructor without news; outside one it does nothing.
"""
