"""From bytes on the wire to records in the store."""
