"""Signed pin bundles as text: the envelope, the payload and the keys (CONTRACT section 12).

Not imported where no key of `[bundle]` is named and no bundle is made.
"""
