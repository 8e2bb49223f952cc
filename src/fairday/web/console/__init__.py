"""The console: what a merchant sees of the shop, page by page, thin over the rooms."""

from fairday.web.auth import inside
from fairday.web.console import audiences, data, foresee, mailbox, overview, people, report, scenes, settings

# Importing a page's module puts its routes on the one router whose gate is ``admit``.
pages = (audiences, data, foresee, mailbox, overview, people, report, scenes, settings)
routers = (inside,)
