"""A corpus of chains, each with one hazard in it: for tests and the table made of them."""
