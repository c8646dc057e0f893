"""Long work over the whole store, in small steps: reading again, pricing again, deleting what is too old."""
