"""Inside a pod: from its first instruction to its last request."""
