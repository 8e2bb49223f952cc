"""A company asks people: briefs that people answer, and people's designs made once enough are ordered."""
