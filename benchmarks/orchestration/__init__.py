"""What it costs to run a negotiation between two language models, ours beside other ways to do it."""
