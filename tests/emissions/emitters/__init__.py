"""Every emitter there is: a module for each family, with its ``EMITTERS``."""
