"""The admin of retention."""
