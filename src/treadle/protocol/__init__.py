"""Floor 0, the words: messages, events, commands, errors. Imports nothing of treadle's."""
