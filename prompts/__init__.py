"""The prompt packs that come with negotiation-box, one folder each. `delegates.prompt` reads them."""
