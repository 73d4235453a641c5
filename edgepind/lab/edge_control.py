"""The lab's `systemctl`: asks the supervisor of an Edge stand-in over its socket, and waits.

Run as a file with `python -I -S`, so that it starts in a few milliseconds; it is what stands in
`edge.restart_command` and `edge.health_command`. Exit code 0 where the answer is `ok`.
"""

import socket
import sys

_PATIENCE = 15.0


def ask(path: str, word: str) -> str:
    """Send one word (`restart`, `health`) and return the answer. Raises OSError."""
    with socket.socket(socket.AF_UNIX) as line:
        line.settimeout(_PATIENCE)
        line.connect(path)
        line.sendall(word.encode() + b"\n")
        answer = b""
        while chunk := line.recv(4096):
            answer += chunk
    return answer.decode().strip()


def main() -> int:
    """Ask what the command line says: the socket's path, then the word."""
    try:
        answer = ask(sys.argv[1], sys.argv[2])
    except OSError as error:
        answer = f"the supervisor of the Edge stand-in did not answer: {error}"
    if answer != "ok":
        sys.stderr.write(answer + "\n")
    return 0 if answer == "ok" else 1


if __name__ == "__main__":
    sys.exit(main())
