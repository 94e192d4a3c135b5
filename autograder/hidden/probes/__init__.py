"""Hidden probes, one module per lab. A change here changes what earns points in that lab."""
