"""Around a learner's models: trained weights that go into them, models made of parts, word pieces.

A change here can break experiments, and checkpoints that people have.
"""
