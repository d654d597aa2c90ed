"""Ways to run a negotiation between two language models. One file for each; `catalogue` lists them."""
