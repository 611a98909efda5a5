"""What is to run, as data: the graph of Deployments, the Plan made of it, and Flow files."""
