"""Vector stores: what is looked for and found, as spans of retrieval."""
