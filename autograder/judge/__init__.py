"""From untrusted code to marks: repair, sandbox, probes, comparison, verdict.

It knows no lab, no lesson and no nbgrader, and imports nothing of ours but itself. A change here can make every mark
wrong, or let code out: the attack corpus, the faults and the gates of all labs belong to it.
"""

DEFAULT_SEED = 20170612  # what probes draw from: the day "Attention Is All You Need" appeared
