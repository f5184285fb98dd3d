"""Floor 2: the user's tree, change sets over it, the sandbox that runs commands on both, and the one writer."""
