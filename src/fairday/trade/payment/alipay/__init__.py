"""Alipay, open platform, RSA2."""
