"""Floor 5: composes a run, streams its events, writes and replays the trace, folds the view."""
