"""Floor 3: how a result is judged. Verdicts are evidence: they rest on something seen."""
