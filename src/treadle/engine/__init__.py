"""Floor 4: the loop, the ladder, the agent's turns, the gate, the budget. Knows no face and no trace."""
