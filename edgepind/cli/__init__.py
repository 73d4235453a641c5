"""The commands, one verb a file: they parse, ask, print and answer with an exit code."""
