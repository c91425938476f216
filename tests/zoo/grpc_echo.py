"""grpc: its own threads and its own handlers of forks, on both ends of calls and of streams."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import grpc
import rounds


def reverse(request: bytes, context: grpc.ServicerContext) -> bytes:
    return request[::-1]


def repeat(request: bytes, context: grpc.ServicerContext) -> Iterator[bytes]:
    for number in range(50):
        yield b"%d " % number + request


def main() -> None:
    rounds.install()
    server = grpc.server(ThreadPoolExecutor(4))
    handlers = {
        "Reverse": grpc.unary_unary_rpc_method_handler(reverse),
        "Repeat": grpc.unary_stream_rpc_method_handler(repeat),
    }
    server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler("zoo.Echo", handlers)])
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel, ThreadPoolExecutor(4) as clients:
        call, stream = channel.unary_unary("/zoo.Echo/Reverse"), channel.unary_stream("/zoo.Echo/Repeat")

        def work() -> list[object]:
            texts = [b"text %d" % number for number in range(40)]
            return [*clients.map(call, texts), *clients.map(lambda text: list(stream(text)), texts)]

        rounds.run(work)
    server.stop(None).wait()


if __name__ == "__main__":
    main()
