"""Floor 2, what the code says: parsed files, their symbols, a map of a repository for a prompt."""
