"""What is known about a decision when it is scored."""
