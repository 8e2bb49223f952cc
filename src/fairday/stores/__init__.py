"""Stores with a door: where they are, what the weather is there, and how far somebody is from one."""
