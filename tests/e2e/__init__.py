"""A real server process, started by the real command line."""
