"""Where the working hours went."""
