"""What an erased designer leaves in the catalogue: the goods, which others ordered, without their words and picture."""

from __future__ import annotations

from sqlalchemy import Connection, delete, select, update

from fairday.goods.catalogue import products
from fairday.goods.tables import details, translations
from fairday.goods.touching import touch
from fairday.people.privacy import Subject
from fairday.trade.c2b.tables import designs, product_of
from fairday.trade.c2c.records import texts


def forget_designers(conn: Connection, subject: Subject) -> int:
    """Take the words and pictures of designers who are erased out of the catalogue (an eraser of ``people.privacy``).

    The goods are called by their number until the shop names them; orders keep what was bought as their buyers' own.

    Returns:
        How many goods lost their words now.
    """
    wordless = select(designs.c.id).where(~select(texts.c.id).where(texts.c.id == "design:" + designs.c.id).exists())
    numbers = [product_of(id_) for id_ in conn.execute(wordless).scalars()]
    # With their picture they have their words; a shop that named the goods since has put another, or none.
    theirs = (products.c.image.like("/photos/%"), products.c.image.not_like("/photos/goods-%"))
    still = select(products.c.product).where(products.c.product.in_(numbers), *theirs)
    gone = list(conn.execute(still).scalars())
    if gone:
        conn.execute(update(products).where(products.c.product.in_(gone)).values(title=products.c.product, image=None))
        conn.execute(update(details).where(details.c.product.in_(gone)).values(description=""))
        c = translations.c
        conn.execute(delete(translations).where(c.about == "product", c.name.in_(gone)))
        touch(conn, gone)
    return len(gone)
