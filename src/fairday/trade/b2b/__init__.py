"""Trade between companies: accounts with roles and limits, requisitions, quotes, credit. See docs/algorithms/b2b.md."""
