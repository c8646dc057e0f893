"""Programs that drive real clients under real instrumentations, each in an environment of its own."""
