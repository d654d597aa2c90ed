"""Where a negotiation runs and how its result gets out."""
