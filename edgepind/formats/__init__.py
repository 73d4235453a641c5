"""Texts that others wrote, read strictly: what is not of the form comes back refused, with why."""
