"""The operator's word as files, the override and commands on pins; `core` decides what it means."""
