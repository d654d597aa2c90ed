"""What it costs to evaluate a delegate in a thousand negotiations, ours beside Inspect."""
