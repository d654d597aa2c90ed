"""Who negotiates: briefs, delegates, the advisor and the guard that stand behind a model, and the models."""
