"""Prints a token (JWT, HS256) for a role, signed with the key in a file, for tests with a real Pulsar.

    jwt.py ROLE KEY_FILE [SECONDS]    SECONDS: how long it is valid; without it for ever
"""

import base64
import hashlib
import hmac
import json
import sys
import time


def encoded(data: bytes) -> bytes:
    return base64.urlsafe_b64encode(data).rstrip(b"=")


def main() -> None:
    role, key_file, *seconds = sys.argv[1:]
    claims = {"sub": role}
    if seconds:
        claims["exp"] = int(time.time()) + int(seconds[0])
    signed = encoded(b'{"alg":"HS256"}') + b"." + encoded(json.dumps(claims).encode())
    with open(key_file, "rb") as file:
        signature = hmac.new(file.read(), signed, hashlib.sha256).digest()
    print((signed + b"." + encoded(signature)).decode())


main()
