"""The names under which programs written for Jina look for Documents."""
