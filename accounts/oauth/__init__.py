"""Strongroom's rules for the OAuth toolkit: which grants there are, for whom, and what a token speaks for."""
