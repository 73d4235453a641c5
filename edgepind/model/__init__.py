"""Frozen values that every other package uses.

Nothing here reads a clock, a file or a socket, draws a random number, logs or decides.
"""
