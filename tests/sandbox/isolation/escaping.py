"""A child whose walls have a hole: it holds the host's root folder, and says what it can read by way of it.

    python -m tests.sandbox.isolation.escaping FD ROOT PATH...

One line for each path: "ok", or the name of what stopped it.
"""

import errno
import os
import socket
import sys

line, root = socket.socket(fileno=int(sys.argv[1])), int(sys.argv[2])
for path in sys.argv[3:]:
    try:
        os.close(os.open(path.lstrip("/"), os.O_RDONLY, dir_fd=root))
    except OSError as error:
        line.sendall(f"{errno.errorcode[error.errno or 0]}\n".encode())
    else:
        line.sendall(b"ok\n")
os._exit(0)
