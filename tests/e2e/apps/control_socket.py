"""A configuration of gunicorn that gives its master the control socket that gunicorn has since 25.1.

It speaks as gunicorn's own does (gunicorn/ctl/): messages behind their length, `show config` answered from the settings in
force, a class as Python prints it, and no socket in the workers. CONTROL_SOCKET is its path; CONTROL_LOG a file that gets a line for
each command, with the pids of the master and of who asked; CONTROL_DATA, JSON, is answered in the place of some settings. With
CONTROL_SILENT it reads and never answers.
"""

import json
import os
import socket
import struct
import threading

PATH = os.environ["CONTROL_SOCKET"]
KEYS = ["bind", "workers", "worker_class", "threads", "timeout", "graceful_timeout", "keepalive", "worker_connections", "proc_name"]
LARGEST = 16 * 1024 * 1024


def _read(connection, size):
    data = b""
    while len(data) < size:
        piece = connection.recv(size - len(data))
        if not piece:
            raise EOFError
        data += piece
    return data


def _show_config(cfg):
    values = {key: getattr(cfg, key) for key in KEYS}
    return {key: str(value) if callable(value) else value for key, value in values.items()}


def _answer(request, asker, cfg):
    with open(os.environ["CONTROL_LOG"], "a", encoding="utf-8") as log:
        print(os.getpid(), asker, request["command"], file=log)
    if request["command"] != "show config":
        return {"id": request["id"], "status": "error", "error": f"Unknown command: {request['command']}"}
    data = {**_show_config(cfg), **json.loads(os.environ.get("CONTROL_DATA", "{}"))}
    return {"id": request["id"], "status": "ok", "data": data}


def _serve_client(connection, cfg):
    with connection:
        asker, _, _ = struct.unpack("3i", connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
        while True:
            (size,) = struct.unpack(">I", _read(connection, 4))
            assert size <= LARGEST
            answer = json.dumps(_answer(json.loads(_read(connection, size)), asker, cfg)).encode()
            if "CONTROL_SILENT" not in os.environ:
                connection.sendall(struct.pack(">I", len(answer)) + answer)


def _serve(listener, cfg):
    while True:
        connection, _ = listener.accept()
        try:
            _serve_client(connection, cfg)
        except (EOFError, OSError):
            pass  # The client is gone.


def when_ready(server):
    listener = socket.socket(socket.AF_UNIX)
    if os.path.exists(PATH):
        os.unlink(PATH)
    listener.bind(PATH)
    os.chmod(PATH, int(os.environ.get("CONTROL_MODE", "600"), 8))
    listener.listen(100)
    os.register_at_fork(after_in_child=listener.close)
    threading.Thread(target=_serve, args=(listener, server.cfg), daemon=True).start()
