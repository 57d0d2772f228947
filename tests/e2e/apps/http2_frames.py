"""Frames of HTTP/2 (RFC 9113), for a worker and the client that asks it."""

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, SETTINGS, PING, WINDOW_UPDATE = 0, 1, 4, 6, 8
ACK = END_STREAM = 1
END_HEADERS = 4
# Of the static table: ":method: GET", ":scheme: https", and the name ":path" with a value that follows (RFC 7541).
GET, HTTPS, PATH = b"\x82", b"\x87", b"\x04"


def frame(kind, flags=0, stream=0, payload=b""):
    return len(payload).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big") + payload


def read_frame(file):
    """(kind, flags, stream, payload), or None at the end."""
    head = file.read(9)
    if len(head) < 9:
        return None
    return head[3], head[4], int.from_bytes(head[5:], "big"), file.read(int.from_bytes(head[:3], "big"))


def request(stream, path):
    block = GET + HTTPS + PATH + bytes([len(path)]) + path.encode()
    return frame(HEADERS, END_HEADERS | END_STREAM, stream, block)


def path_of(block):
    assert block.startswith(GET + HTTPS + PATH)
    return block[4 : 4 + block[3]].decode()


def window_update(stream):
    return frame(WINDOW_UPDATE, 0, stream, (65535).to_bytes(4, "big"))
