"""The machine a learner sits at: its devices, how large experiments are to be, and how quiet libraries are.

A change here changes how long every experiment takes.
"""
