"""The console: what a merchant sees of the shop, page by page, thin over the rooms."""

from importlib import import_module
from pkgutil import iter_modules

from fairday.web.auth import inside

# Importing a page's module puts its routes on the one router whose gate is ``admit``; sorted, for one order.
for _page in sorted(found.name for found in iter_modules(__path__)):
    import_module(f"{__name__}.{_page}")
routers = (inside,)
