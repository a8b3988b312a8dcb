"""What retention does: its rules, what they select, and what becomes of it."""
