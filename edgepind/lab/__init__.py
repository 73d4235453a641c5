"""A closed world: a cloud with its own CA, an Edge stand-in, an inspecting proxy, stories."""
