"""Norhaven, an outdoor shop, answers its customers: a small LLM app that is observed by Spanwise."""
