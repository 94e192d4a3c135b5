"""How far a learner is, kept on their own disk: what passed, what comes next, and ways on when stuck.

Nothing here leaves the machine, and nothing here makes a mark. A change can lose what a learner sees of their progress;
it must never touch a notebook.
"""
