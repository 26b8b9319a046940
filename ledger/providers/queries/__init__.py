"""Questions about providers and what they do; frozen answers, nothing is written."""
