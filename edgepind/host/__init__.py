"""The host's files and programs, touched with care: what observing, acting and keeping share.

Knows nothing of pins, documents or states; what is read and written is somebody else's affair.
"""
