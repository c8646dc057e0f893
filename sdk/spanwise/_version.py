"""The version of the one distribution, SDK and server."""

__version__ = "0.1.0"
