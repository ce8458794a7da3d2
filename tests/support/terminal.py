"""Runs a command with standard input and error on a pseudo-terminal of 80 columns, its standard output left alone.

What the command writes to the terminal comes out of this program's standard error; its exit status is handed on. The
command is the session's leader and the terminal its controlling one, as under a login shell.
"""

import fcntl
import os
import pty
import select
import struct
import sys
import termios

# How long a terminal that a finished command's children still hold is listened to.
DRAIN = 0.2


def main():
    everything = sys.argv[1] == "everything"
    command = sys.argv[2:]
    output = os.dup(1)
    pid, terminal = pty.fork()
    if pid == 0:
        if not everything:
            os.dup2(output, 1)
        os.close(output)
        os.execv(command[0], command)
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    ended, status = 0, 0
    while True:
        ready, _, _ = select.select([terminal], [], [], DRAIN if ended else 0.01)
        if ready:
            try:
                data = os.read(terminal, 65536)
            except OSError:
                data = b""
            if data:
                os.write(2, data)
                continue
            if not ended:
                ended, status = os.waitpid(pid, 0)
            break
        if ended:
            break
        ended, status = os.waitpid(pid, os.WNOHANG)
    code = os.waitstatus_to_exitcode(status)
    sys.exit(code if code >= 0 else 128 - code)


main()
