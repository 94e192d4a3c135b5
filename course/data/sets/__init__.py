"""One module per embedded data set; see `course.data.registry`."""
