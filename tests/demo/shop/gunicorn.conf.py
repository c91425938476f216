"""gunicorn's settings for the shop, with memdump in its workers."""

import gc
import os

import memdump

wsgi_app = "wsgi"
worker_class = "gthread"
workers = 1
threads = 4


def post_worker_init(worker):
    # gunicorn takes SIGUSR1 in its workers, to reopen its log files, after it has loaded the application. Installed here, after
    # that, memdump chains: the signal writes a dump and the log files are still reopened.
    memdump.install()
    # See app/variants.py.
    if os.environ.get("SHOP_COLLECTOR") == "off":
        gc.disable()
