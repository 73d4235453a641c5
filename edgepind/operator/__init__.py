"""The operator's files, the override and commands on pins; `core` decides what they mean."""
