"""People sell to people: listings, money held until the goods came, disputes, ratings, payouts."""
