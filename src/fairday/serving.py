"""Serving a shop: the faces over HTTP, the background work, a port that is free."""

from __future__ import annotations

import errno
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import uvicorn

from fairday.kernel.errors import FairdayError
from fairday.shop import HOME, Shop

TRIES = 20


def free_port(host: str, wanted: int, say: Callable[[str], None]) -> int:
    """The wanted port, or the next that is free; says so when it is another. 0 takes any.

    Raises:
        FairdayError: the host is not this machine's, or none of the next ports is free.
    """
    for port in range(wanted, min(wanted + TRIES, 65536)):
        with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as s:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                s.bind((host, port))
            except OSError as error:
                if error.errno not in (errno.EADDRINUSE, errno.EACCES):
                    raise FairdayError(
                        f"Nothing can be served at {host!r}: {error.strerror}.",
                        code="bad_host",
                        where="host",
                        remedy="Write 127.0.0.1, 0.0.0.0, or an address of this machine.",
                    )
                continue
            if port != wanted and wanted:
                say(f"Port {wanted} is taken; using {port}.")
            return int(s.getsockname()[1])
    raise FairdayError(
        f"No port from {wanted} to {wanted + TRIES - 1} is free.",
        code="no_port",
        where="port",
        remedy="Name another, or 0 for any.",
    )


def run(shop: Shop, host: str, port: int, say: Callable[[str], None]) -> None:
    """Serve until interrupted."""
    from fairday.web.app import create
    from fairday.web.collect import tune_process

    port = free_port(host, port, say)
    base = f"http://{host}:{port}"
    if shop.settings.public_url.startswith(HOME):
        shop.change_settings(public_url=base)  # a shop at home: its links follow the port
    shop.staging.refresh(
        shop.db, shop.clock.now()
    )  # no shopper waits for it, and it is there before the process settles
    shop.start()
    say(f"Storefront  {base}/\nConsole     {base}/console\nCollect     {base}/v1/batch    Ctrl-C ends.")
    config = uvicorn.Config(
        create(shop), host=host, port=port, log_level="warning", timeout_keep_alive=30, limit_concurrency=2000,
        h11_max_incomplete_event_size=64 * 1024, server_header=False,
    )  # fmt: skip
    tune_process()
    uvicorn.Server(config).run()


@contextmanager
def beside(shop: Shop, host: str, port: int) -> Iterator[str]:
    """Serve a shop in a thread of its own as long as the block runs; gives its address. Nothing runs in its background
    that the caller does not start."""
    from fairday.web.app import create

    server = uvicorn.Server(uvicorn.Config(create(shop), host=host, port=port, log_level="error"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        thread.join(0.02)
    try:
        yield f"http://{host}:{port}"
    finally:
        server.should_exit = True
        thread.join()
