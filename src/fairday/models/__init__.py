"""Pure estimators on arrays and counts."""
