"""What an ASGI server tells an application of its own start and end, acknowledged until the end."""


async def acknowledge(receive, send):
    while True:
        message = await receive()
        await send({"type": message["type"] + ".complete"})
        if message["type"] == "lifespan.shutdown":
            return
