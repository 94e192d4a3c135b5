"""What a lab takes from earlier ones: a learner carries their own layers over, and sees what changed between two models.

A change here can break the set-up cell of every lab but the first.
"""
