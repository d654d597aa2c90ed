"""The scenarios that come with negotiation-box. `delegates.scenario` reads them."""
