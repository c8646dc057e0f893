"""What may be asked of the store: the filter language, the query, the measures."""
