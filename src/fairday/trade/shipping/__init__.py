"""Sending orders: rates by zone, weight and amount, carriers and tracking, addresses and phones by country."""
