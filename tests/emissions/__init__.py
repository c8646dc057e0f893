"""Captures what real instrumentations post, beside what the provider really answered. Run by hand; see README.md."""
