"""Floor 3: the deterministic programs behind tier `code`."""
