"""Spans made at random, and a store that is naive enough to be right: what the real one is compared with."""
