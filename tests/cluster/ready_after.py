"""Starts a container and says after how many milliseconds it was ready, by the engine's own time of its start.

usage: ready_after.py DOCKER CONTAINER ADDRESS PORT
"""

import datetime
import http.client
import subprocess
import sys
import time


def is_ready(address, port):
    try:
        connection = http.client.HTTPConnection(address, port, timeout=1)
        connection.request("GET", "/readyz")
        return connection.getresponse().status == 200
    except OSError:
        return False


def main():
    docker, container, address, port = sys.argv[1:]
    subprocess.run([docker, "start", container], check=True, stdout=subprocess.DEVNULL)
    if address == "-":
        form = "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}"
        asked = [docker, "inspect", "--format", form, container]
        address = subprocess.run(asked, check=True, capture_output=True, text=True).stdout.strip()
    deadline = time.monotonic() + 30
    while not is_ready(address, int(port)):
        if time.monotonic() > deadline:
            sys.exit(f"{container} is not ready after 30 s")
        time.sleep(0.001)
    ready = time.time()
    asked = [docker, "inspect", "--format", "{{.State.StartedAt}}", container]
    started = subprocess.run(asked, check=True, capture_output=True, text=True).stdout.strip()
    # Nine digits of a second, of which Python reads six.
    started = datetime.datetime.fromisoformat(started[:26] + "+00:00").timestamp()
    print(f"{(ready - started) * 1000:.0f}")


main()
