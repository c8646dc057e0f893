"""One file per client library: which methods to wrap and how to read what passes through them."""
