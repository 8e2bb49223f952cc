"""Payment: by providers' protocols and by hand; each notice counted once, each day matched."""
