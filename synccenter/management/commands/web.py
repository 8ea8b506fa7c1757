"""`manage.py web`: the console and the API."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand
from gunicorn.app.base import BaseApplication


class Command(BaseCommand):
    help = "Serve the console and the API with gunicorn; stop with Ctrl-C or SIGTERM."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--host", default="127.0.0.1")
        parser.add_argument("--port", type=int, default=8000)
        parser.add_argument("--workers", type=int, default=2, help="processes; one a core")
        parser.add_argument("--threads", type=int, default=4, help="threads a process")

    def handle(self, *, host: str, port: int, workers: int, threads: int, **options: Any) -> None:
        # Where collectstatic puts files; without it they are served from where they are.
        Path(settings.STATIC_ROOT).mkdir(parents=True, exist_ok=True)
        Server(
            {
                "bind": f"{host}:{port}",
                "workers": workers,
                "worker_class": "gthread",
                "threads": threads,
                "proc_name": "synccenter-web",
                "control_socket_disable": True,
                "graceful_timeout": 20,
            }
        ).run()


class Server(BaseApplication):
    """gunicorn inside this process, set up by a dictionary instead of a file."""

    def __init__(self, options: dict[str, Any]) -> None:
        self.options = options
        super().__init__()

    def load_config(self) -> None:
        for name, value in self.options.items():
            self.cfg.set(name, value)

    def load(self) -> Any:
        from synccenter.wsgi import application

        return application
