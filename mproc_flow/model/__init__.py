"""What travels between processes: Documents, parameters and answers, and the bytes they become."""
