"""What changes the world: the pinning document, the Edge's unit, and the order of doing so."""
