"""Weights for the learner's own models: small ones that the course ships, and others' that packages ship."""
