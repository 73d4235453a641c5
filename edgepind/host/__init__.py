"""The host's files, programs and threads. Knows nothing of pins, documents or states."""
