"""The engine that turns calls of a client library into spans."""
