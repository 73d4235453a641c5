"""A simulator: thousands of years of edges, faults and adversaries, on the real core.

A world is drawn from `rates` and compiled into scenes; every way of keeping pins lives through
the same scenes, and a ledger measures what became of its Edge. No I/O but the picture's file.
Nothing here may decide anything about pins for edgepind: that is `edgepind.core`'s business.
"""
