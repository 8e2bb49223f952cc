"""The storefront: what a shopper meets. Drawn on the server, whole without script, first for a phone.

A shopper is recognised by a signed cookie, set after they agreed to be remembered or came by a link of a mail. No id
in an address or an unsigned cookie is believed, so nobody sees what another person would.
"""

from fairday.web.storefront import agreeing, feed, home, me, phone, search, wallet, wishes
from fairday.web.storefront.front import LINK_MS, Front, router

__all__ = ["LINK_MS", "Front", "agreeing", "feed", "home", "me", "phone", "router", "search", "wallet", "wishes"]
