"""Measurements of the delegates and their safeguards, each a command that prints what it found."""
