"""Providers with a format of their own: each is translated to and from OpenAI's, so that one oracle knows them."""
