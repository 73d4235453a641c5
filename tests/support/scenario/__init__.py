"""Scenarios as text, played on an imagined world: one hazard a file."""
