"""Floor 1: what the user wrote in YAML, checked and frozen."""
