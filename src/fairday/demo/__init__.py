"""The demo: a real retailer's year, and a scene for the next festival. What is simulated says so."""
