"""How each library spells an LLM call."""

from .registered import DIALECT_GROUP, DIALECTS, dialects, read

__all__ = ["DIALECTS", "DIALECT_GROUP", "dialects", "read"]
