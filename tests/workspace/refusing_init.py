"""Stands in for the sandbox's program where the kernel refuses user namespaces."""

import marshal
import os
import sys


def main():
    with open(sys.argv[-1], "rb") as file:
        os.write(marshal.load(file)["status"], b"error unshare: Operation not permitted\n")
    return 1
