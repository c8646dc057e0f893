"""Runs over versions of datasets, and what came of each example."""
