"""The ASGI application of the end-to-end tests: / answers at once, /sleep?seconds=S waits without the processor."""

import asyncio
from urllib.parse import parse_qs

import lifespan


async def application(scope, receive, send):
    if scope["type"] == "lifespan":
        return await lifespan.acknowledge(receive, send)
    if scope["path"] == "/sleep":
        query = parse_qs(scope["query_string"].decode())
        await asyncio.sleep(float(query.get("seconds", ["1"])[0]))
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"ok"})
