"""Commands of ``spanwise`` that the SDK brings, also where it is installed alone."""
