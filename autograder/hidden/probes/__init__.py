"""Hidden probes, one module per lab."""
