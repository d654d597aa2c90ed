"""Language models: one interface, one file per implementation.

Importing this package imports no SDK; `open_model` imports the one that a spec needs.
"""

from delegates.models.interface import Completion, JsonSchema, Model, Request, Structure, Turn, Usage
from delegates.models.price import Price, price_of
from delegates.models.retry import PatientModel, RetryPolicy
from delegates.models.scripted import ScriptedModel
from delegates.models.spec import ModelSpec, open_model, parse, thinking_tokens

__all__ = [
    "Completion",
    "JsonSchema",
    "Model",
    "ModelSpec",
    "PatientModel",
    "Price",
    "Request",
    "RetryPolicy",
    "ScriptedModel",
    "Structure",
    "Turn",
    "Usage",
    "open_model",
    "parse",
    "price_of",
    "thinking_tokens",
]
