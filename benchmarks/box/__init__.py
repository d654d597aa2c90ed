"""What the box costs: see `__main__`."""
