"""One call of post(): its options, what it sends, and what it makes of the replies; sent by whatever kind of client."""
