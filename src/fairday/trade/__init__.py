"""Trade: carts, checkout, orders and what an order sets off; modes of trade as policies over one order."""
