"""gunicorn sets its workers' handlers before this, and ours runs beside them."""

import rounds


def post_worker_init(worker):
    rounds.install()
