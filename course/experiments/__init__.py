"""What one lab's experiments need and is too long for a notebook cell: one module per lab."""
