"""The sandbox's keys and its books: one table, made at first use. Nothing of it is of use with a real provider."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from sqlalchemy import BigInteger, Connection, Index, Integer, String, Table, Text, select

from fairday.kernel import jsons
from fairday.storage.database import Database, alone, col, insert, metadata
from fairday.trade.payment import rsa

records = Table(
    "sandbox_records",
    metadata,
    col("kind", String(16), primary_key=True, personal=False),
    col("name", String(80), primary_key=True, personal=False),
    col("day", Integer, nullable=False, personal=False),
    col("at", BigInteger, nullable=False, personal=False),
    col("value", Text, nullable=False, personal=False),
    Index("sandbox_records_day", "kind", "day"),
    Index("sandbox_records_at", "kind", "at"),
)
"""What the sandbox keeps: keys, trades, notices. Nobody's person: a sandbox's payer is nobody."""

FOREVER = 10**15
"""The ``at`` of a notice that waits for nothing."""


def put(conn: Connection, kind: str, name: str, value: Mapping[str, Any], *, day: int = 0, at: int = 0) -> None:
    """Keep a record, in place of the one of that name."""
    statement = insert(conn, records)
    changed = {c: statement.excluded[c] for c in ("day", "at", "value")}
    conn.execute(
        statement.on_conflict_do_update(index_elements=["kind", "name"], set_=changed),
        {"kind": kind, "name": name, "day": day, "at": at, "value": jsons.dumps(value)},
    )


def get(conn: Connection, kind: str, name: str) -> dict[str, Any] | None:
    """A record, or None."""
    query = select(records.c.value).where(records.c.kind == kind, records.c.name == name)
    found = conn.execute(query).scalar_one_or_none()
    return None if found is None else jsons.loads(found)


def many(conn: Connection, *where: Any) -> Iterable[dict[str, Any]]:
    """Records by conditions, in order of ``at``."""
    query = select(records.c.value).where(*where).order_by(records.c.at, records.c.name)
    return [jsons.loads(value) for value in conn.execute(query).scalars()]


@dataclass(frozen=True)
class SandboxKeys:
    """The keys of both sides: the merchant's as they would be given out, the providers' own.

    Attributes:
        merchant, app: the shop's keys at WeChat Pay and Alipay.
        wechat, alipay: the providers' keys.
        certificate: WeChat Pay's platform certificate (PEM) over its key.
        apiv3_key: 32 bytes; ``mchid``, ``appid``, ``serial``, ``app_id``, ``seller_id``: the shop's names there.
    """

    merchant: RSAPrivateKey = field(repr=False)
    app: RSAPrivateKey = field(repr=False)
    wechat: RSAPrivateKey = field(repr=False)
    alipay: RSAPrivateKey = field(repr=False)
    certificate: str = field(repr=False)
    apiv3_key: bytes = field(repr=False)
    mchid: str
    appid: str
    serial: str
    public_key_id: str
    app_id: str
    seller_id: str

    @property
    def platform_serial(self) -> str:
        """The serial number of WeChat Pay's platform certificate."""
        return f"{x509.load_pem_x509_certificate(self.certificate.encode()).serial_number:X}"


_KEYS = ("merchant", "app", "wechat", "alipay")


def load(db: Database, now: int) -> SandboxKeys:
    """The sandbox's keys, made at the first call and the same in every process."""
    with db.read() as conn:
        found = get(conn, "key", "all")
    if found is None:
        made = _made(now)  # takes a second: not while the database waits
        with db.write() as conn:
            alone(conn, "sandbox")
            found = get(conn, "key", "all")
            if found is None:
                put(conn, "key", "all", made)
                found = made
    made_keys = {name: rsa.private_key(found[name], "the sandbox's keys") for name in _KEYS}
    return SandboxKeys(**{**found, **made_keys, "apiv3_key": str(found["apiv3_key"]).encode()})


def _made(now: int) -> dict[str, str]:
    keys = {name: rsa.generate() for name in _KEYS}
    digits = "".join(str(secrets.randbelow(10)) for _ in range(8))
    return {name: rsa.private_pem(key) for name, key in keys.items()} | {
        "certificate": _certificate(keys["wechat"], now),
        "apiv3_key": secrets.token_hex(16),
        "mchid": f"19{digits}",
        "appid": f"wxsandbox{secrets.token_hex(4)}",
        "serial": secrets.token_hex(20).upper(),
        "public_key_id": f"PUB_KEY_ID_0119{digits}SANDBOX",
        "app_id": f"90210000{digits}",
        "seller_id": f"20880000{digits}",
    }


def _certificate(key: RSAPrivateKey, now: int) -> str:
    """A certificate over a key, signed by itself, from a day before to five years after ``now`` (ms)."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Fairday sandbox, not WeChat Pay")])
    begins = datetime.fromtimestamp(now // 1000, UTC) - timedelta(days=1)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begins)
        .not_valid_after(begins + timedelta(days=5 * 365))
        .sign(key, SHA256())
    )
    return made.public_bytes(Encoding.PEM).decode()
