"""Serving a shop: the faces over HTTP, the background work, a port that is free."""

from __future__ import annotations

import socket
from collections.abc import Callable

import uvicorn

from fairday.shop import Shop

TRIES = 20


def free_port(host: str, wanted: int, say: Callable[[str], None]) -> int:
    """The wanted port, or the next that is free; says so when it is another. 0 takes any."""
    for port in range(wanted, min(wanted + TRIES, 65536)):
        with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as s:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                s.bind((host, port))
            except OSError:
                continue
            if port != wanted and wanted:
                say(f"Port {wanted} is taken; using {port}.")
            return int(s.getsockname()[1])
    raise OSError(f"No free port from {wanted} to {wanted + TRIES - 1}.")


def run(shop: Shop, host: str, port: int, say: Callable[[str], None]) -> None:
    """Serve until interrupted."""
    from fairday.web.app import create
    from fairday.web.collect import tune_process

    port = free_port(host, port, say)
    base = f"http://{host}:{port}"
    if shop.settings.public_url.startswith("http://127.0.0.1"):
        shop.change_settings(public_url=base)  # a shop at home: its links follow the port
    shop.start()
    say(f"Storefront  {base}/\nConsole     {base}/console\nCollect     {base}/v1/batch    Ctrl-C ends.")
    config = uvicorn.Config(
        create(shop), host=host, port=port, log_level="warning", timeout_keep_alive=30, limit_concurrency=2000,
        h11_max_incomplete_event_size=64 * 1024, server_header=False,
    )  # fmt: skip
    tune_process()
    uvicorn.Server(config).run()
