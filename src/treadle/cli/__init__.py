"""Floor 7: reads arguments, opens one face, imported late."""
