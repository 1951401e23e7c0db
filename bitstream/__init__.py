"""Bytes and integers: the container and the entropy coder. Needs numpy and constriction, never torch."""
