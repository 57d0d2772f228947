"""Asks the demo application for pages, about twenty a second, until it is stopped: traffic.py PORT."""

import http.client
import itertools
import sys
import time

PATHS = ["/"] * 14 + ["/slow"] * 3 + ["/missing"] * 2 + ["/broken"]
PAUSE_SECONDS = 0.03


def main():
    port = int(sys.argv[1])
    for path in itertools.cycle(PATHS):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        try:
            connection.request("GET", path)
            connection.getresponse().read()
        except OSError as error:
            # The application may be restarted by hand meanwhile.
            print(f"traffic: {error}", file=sys.stderr)
            time.sleep(1)
        finally:
            connection.close()
        time.sleep(PAUSE_SECONDS)


if __name__ == "__main__":
    main()
