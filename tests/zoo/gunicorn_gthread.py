"""Django under gunicorn's threaded workers."""

from gunicorn_sync import serve_and_ask

if __name__ == "__main__":
    serve_and_ask("gthread")
