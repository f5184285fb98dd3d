"""The face with a screen: an app of small widgets over a session's events, driven in a thread of its own."""
