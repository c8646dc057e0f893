"""Prompts: what one is, how one includes another, what changed, how versions compare. Pure but for their services."""
