"""How projects are tested, one file a kind."""
