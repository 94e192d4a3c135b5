"""Named wrong answers, one module per lab."""
