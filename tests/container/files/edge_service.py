"""Runs the lab's Edge stand-in under systemd, which ends it by SIGTERM: its input stays open."""

import os
import sys

import edge  # type: ignore[import-not-found]  # edgepind/lab/edge.py, laid beside this file

reading, _writing = os.pipe()
os.dup2(reading, sys.stdin.fileno())
sys.exit(edge.main())
