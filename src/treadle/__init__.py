"""treadle: a loop of coding agents, stepped like code. Importing this loads nothing else."""

__version__ = "0.1.0"
