"""Run in the project's interpreter, never imported by treadle: they tell what its tests do."""
