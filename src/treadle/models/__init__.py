"""Floor 2: model providers. One protocol (`base`), one adapter a file, each imported on first use."""
