"""The nouns of the program: frozen values that every other room passes round.

Nothing here reads a clock, a file or a socket, draws a random number or logs; nothing here
decides. A value is made once, at an edge, and is true for ever after.
"""
