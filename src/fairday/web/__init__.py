"""The faces: the collect door, the console, the storefront. HTTP stays here."""
