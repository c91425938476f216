"""Celery's prefork workers, with tasks and results in SQLite. No task may be lost."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import rounds
from celery import Celery
from celery.signals import celeryd_init, worker_process_init
from kombu.transport.sqlalchemy import Transport

# The worker is told by its environment where the tasks are.
PLACE = Path(os.environ.get("ZOO_CELERY") or tempfile.mkdtemp(prefix="zoo-celery-"))

app = Celery("celery_prefork", broker=f"sqla+sqlite:///{PLACE}/tasks.db", backend=f"db+sqlite:///{PLACE}/results.db")
app.conf.update(
    broker_transport_options={"connect_args": {"timeout": rounds.PATIENCE}},
    database_engine_options={"connect_args": {"timeout": rounds.PATIENCE}},
    worker_hijack_root_logger=False,
    broker_connection_retry_on_startup=True,
)
# It would look once a second.
Transport.polling_interval = 0.02
celeryd_init.connect(rounds.install)
worker_process_init.connect(rounds.install)


@app.task
def count_words(text: str) -> dict[str, int]:
    counts: dict[str, int] = {}
    for word in text.split():
        counts[word] = counts.get(word, 0) + 1
    return counts


def main() -> None:
    worker = subprocess.Popen(
        [sys.executable, "-m", "celery", "-A", "celery_prefork", "worker", "--concurrency", "2", "--loglevel", "WARNING"],
        cwd=rounds.HERE,
        env={**os.environ, "ZOO_CELERY": str(PLACE)},
        stdin=subprocess.DEVNULL,
        stdout=sys.stderr,
    )
    assert count_words.delay("up").get(timeout=rounds.PATIENCE) == {"up": 1}

    def work() -> list[dict[str, int]]:
        tasks = [count_words.delay(" ".join(f"word{n % (task + 1)}" for n in range(500))) for task in range(20)]
        return [task.get(timeout=rounds.PATIENCE) for task in tasks]

    rounds.run(work)
    worker.terminate()
    rounds.say(f"the worker's exit code is {worker.wait(rounds.PATIENCE)}")


if __name__ == "__main__":
    main()
