"""What stands around a lesson: handouts, the workshop room, the documentation site.

All of it can be deleted without touching a mark.
"""
