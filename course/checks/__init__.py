"""Visible checks, one module per lab. A change here changes what a learner is told, and never a mark."""
