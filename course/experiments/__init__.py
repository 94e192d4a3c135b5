"""What one lab's experiments need and is too long for a notebook cell: one module per lab.

A change here can change what an experiment shows; it never changes a check or a mark.
"""
