"""Mails to buyers about their own orders: confirmed, on its way, ready, given up, given back.

``OrderMails`` is the follower that writes them into the outbox; ``letter`` is what they look like, ``words`` what they
say in each language. See docs/merchants/orders.md.
"""

from fairday.reach.orders.follower import KINDS, OrderMails, phases_of

__all__ = ["KINDS", "OrderMails", "phases_of"]
