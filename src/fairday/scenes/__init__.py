"""Scenes: who × when × what × offer × where, declared in one file; their life, their choice."""
