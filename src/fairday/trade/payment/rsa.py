"""RSA keys and signatures over SHA-256 with PKCS #1 v1.5, as both providers use them."""

from __future__ import annotations

import base64
import binascii

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_der_private_key,
    load_der_public_key,
    load_pem_private_key,
    load_pem_public_key,
)

from fairday.kernel.errors import FairdayError

BITS = 2048


def sign(key: RSAPrivateKey, message: bytes) -> str:
    """The signature of a message, base64."""
    return base64.b64encode(key.sign(message, PKCS1v15(), SHA256())).decode()


def verify(key: RSAPublicKey, message: bytes, signature: str) -> bool:
    """Whether a base64 signature of a message is the key's owner's."""
    try:
        key.verify(base64.b64decode(signature, validate=True), message, PKCS1v15(), SHA256())
    except (InvalidSignature, binascii.Error, ValueError):
        return False
    return True


def private_key(text: str, where: str) -> RSAPrivateKey:
    """A private key from PEM, or from the bare base64 of PKCS #8 or PKCS #1 that Alipay's tools write.

    Raises:
        FairdayError: not such a key, or shorter than 2048 bits. Nothing of the text is told.
    """
    try:
        raw = text.strip().encode()
        key = load_pem_private_key(raw, None) if raw.startswith(b"-----") else load_der_private_key(_bare(raw), None)
        if isinstance(key, RSAPrivateKey) and key.key_size >= BITS:
            return key
    except (ValueError, TypeError, UnsupportedAlgorithm):
        pass
    raise _unusable("private", where) from None


def public_key(text: str, where: str) -> RSAPublicKey:
    """A public key from PEM or bare base64.

    Raises:
        FairdayError: not such a key, or shorter than 2048 bits.
    """
    try:
        raw = text.strip().encode()
        key = load_pem_public_key(raw) if raw.startswith(b"-----") else load_der_public_key(_bare(raw))
        if isinstance(key, RSAPublicKey) and key.key_size >= BITS:
            return key
    except (ValueError, TypeError, UnsupportedAlgorithm):
        pass
    raise _unusable("public", where) from None


def _bare(raw: bytes) -> bytes:
    return base64.b64decode(b"".join(raw.split()), validate=True)


def _unusable(which: str, where: str) -> FairdayError:
    return FairdayError(
        f"This is no RSA {which} key of {BITS} bits or more.",
        code="bad_key_file",
        where=where,
        remedy="Put the PEM file there that the provider's tool made.",
    )


def generate() -> RSAPrivateKey:
    """A fresh private key."""
    return generate_private_key(public_exponent=65537, key_size=BITS)


def private_pem(key: RSAPrivateKey) -> str:
    """A private key as PEM (PKCS #8, not encrypted)."""
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def public_pem(key: RSAPublicKey) -> str:
    """A public key as PEM."""
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
