"""How records and examples leave: JSON contracts and file formats."""
