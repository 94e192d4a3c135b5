"""What is said when a workshop cannot start."""

from course.errors import CourseError


class WorkshopError(CourseError):
    """The workshop cannot start. Says what to do."""
