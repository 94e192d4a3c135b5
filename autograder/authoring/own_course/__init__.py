"""A course of somebody's own: from an ordinary nbgrader source notebook and a file of probes to what the judge takes.

`description` reads both, `framing` tells the judge which cell is what, `source` makes the `Assignment`, `proofs` holds
the gates. A change here changes the marks of courses that are not ours.
"""
