"""Each provider's client and each framework, at its oldest supported and its newest version, recorded for real."""
