"""PURE: what follows from what is known. No I/O, clock, randomness or logging in this folder."""
