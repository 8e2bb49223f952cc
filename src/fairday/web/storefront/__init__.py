"""The storefront: what a shopper meets. Drawn on the server, whole without script, first for a phone.

A shopper is recognised by a signed cookie, set after they agreed to be remembered or came by a link of a mail. No id
in an address or an unsigned cookie is believed, so nobody sees what another person would.
"""

from importlib import import_module
from pkgutil import iter_modules

from fairday.web.storefront.front import LINK_MS, Front, router

# Importing a page's module puts its routes on the one router; sorted, for one order.
for _page in sorted(found.name for found in iter_modules(__path__)):
    import_module(f"{__name__}.{_page}")

__all__ = ["LINK_MS", "Front", "router"]
