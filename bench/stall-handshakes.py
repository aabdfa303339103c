"""Holds clients that stall at each stage of a TLS handshake, and replaces those that the server ends.

    stall-handshakes.py PORT COUNT    prints how many it holds, then stays
"""
import select
import socket
import ssl
import sys


def flights():
    """A ClientHello, and the TLS that made it."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    received, sent = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = context.wrap_bio(received, sent)
    try:
        tls.do_handshake()
    except ssl.SSLWantReadError:
        return tls, received, sent


def stall(port, stage):
    """A connection that proceeds up to `stage`."""
    tls, received, sent = flights()
    client = socket.create_connection(("127.0.0.1", port))
    hello = sent.read()
    client.sendall([b"", hello[:1], hello[: len(hello) // 2], hello, hello][stage])
    if stage == 4:
        while True:
            received.write(client.recv(65536))
            try:
                tls.do_handshake()
                break
            except ssl.SSLWantReadError:
                pass
        client.sendall(sent.read()[:-1])
    return client


port, count = int(sys.argv[1]), int(sys.argv[2])
poller, clients = select.epoll(), {}


def hold(stage):
    client = stall(port, stage)
    clients[client.fileno()] = (client, stage)
    poller.register(client, select.EPOLLRDHUP)


for number in range(count):
    for stage in range(5):
        hold(stage)
print(len(clients), flush=True)
while True:
    for descriptor, _ in poller.poll():
        client, stage = clients.pop(descriptor)
        poller.unregister(descriptor)
        client.close()
        hold(stage)
