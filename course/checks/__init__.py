"""Visible checks, one module per lab."""
