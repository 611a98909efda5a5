"""What can be set: every option, declared once."""
