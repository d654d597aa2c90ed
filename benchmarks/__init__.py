"""Ourselves beside peers and floors. Each module is a command: `python -m benchmarks.NAME`."""
