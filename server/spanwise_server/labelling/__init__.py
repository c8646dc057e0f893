"""Judging outputs one at a time: queues, items, label events."""
