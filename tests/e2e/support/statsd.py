"""Sends StatsD packets, as a client other than gunicorn would."""

import socket


def send_udp(port, *packets, host="127.0.0.1"):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        for packet in packets:
            sender.sendto(_bytes(packet), (host, port))


def send_tcp(port, stream, host="127.0.0.1"):
    with socket.create_connection((host, port)) as sender:
        sender.sendall(_bytes(stream))


def send_unixgram(path, *packets):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
        sender.connect(str(path))
        for packet in packets:
            sender.send(_bytes(packet))


def _bytes(packet):
    return packet.encode() if isinstance(packet, str) else packet
