"""Named wrong answers, one module per lab. A change here changes how mistakes are explained, and never the points."""
