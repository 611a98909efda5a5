"""Programs written for Jina, run as they are: what makes ``import jina`` give them mproc_flow."""
