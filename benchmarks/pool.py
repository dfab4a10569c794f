"""The parent's side of a worker process."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import subprocess
import threading
from pathlib import Path
from typing import Any

WORKER = Path(__file__).resolve().parent / "worker.py"


class WorkerError(Exception):
    """The library could not do what was asked; the text is its own."""


class Worker:
    """One library in a process of its own, started at the first question and again after it died or hung."""

    def __init__(self, library: str, interpreter: str, environment: dict[str, str], patience: float = 180.0) -> None:
        self.library, self.command = library, [interpreter, "-P", str(WORKER), library]
        self.environment, self.patience = environment, patience
        self.process: subprocess.Popen | None = None
        self.replies: queue.Queue[str] = queue.Queue()

    def start(self) -> None:
        """Launch the process and a thread that collects its replies (pipes cannot be waited on with a limit everywhere)."""
        self.replies = queue.Queue()
        self.process = subprocess.Popen(
            self.command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env=self.environment,
            cwd=os.sep,
        )
        threading.Thread(target=self.collect, args=(self.process, self.replies), daemon=True).start()

    @staticmethod
    def collect(process: subprocess.Popen, replies: queue.Queue[str]) -> None:
        """Pass lines on; an empty one says that the process has ended."""
        for line in process.stdout:
            replies.put(line)
        replies.put("")

    def ask(self, command: str, *arguments: Any) -> Any:
        """The worker's answer.

        Raises:
            WorkerError: it failed, died or took too long.
        """
        if self.process is None:
            self.start()
        try:
            self.process.stdin.write(json.dumps([command, *arguments]) + "\n")
            self.process.stdin.flush()
            line = self.replies.get(timeout=self.patience)
        except queue.Empty:
            self.stop()
            raise WorkerError(f"no answer within {self.patience:g} s") from None
        except OSError:
            line = ""
        if not line:
            self.stop()
            raise WorkerError("its process died")
        reply = json.loads(line)
        if "error" in reply:
            raise WorkerError(reply["error"])
        return reply["ok"]

    def stop(self) -> None:
        """End the process."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            with contextlib.suppress(OSError):  # a dead process cannot be told the rest of a question
                self.process.stdin.close()
            self.process.stdout.close()
            self.process = None
