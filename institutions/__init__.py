"""What outlives a negotiation: the host's key, and what is signed with it."""
