"""Floor 3: what an agent may do. One small file a tool."""
