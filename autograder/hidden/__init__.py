"""What this course's learners must not see: probes, misconceptions, and what the judge is told of each lab.

A change here changes marks of our own labs, and of nobody else's; the gates say whether it is sound.
"""
