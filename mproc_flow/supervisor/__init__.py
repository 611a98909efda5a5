"""The Guardian, which is the parent of every pod, and the owner's side of it."""
