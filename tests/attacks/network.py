"""The network, and other processes behind sockets."""

from attacks import attack

F = "network"

attack(
    F,
    "connects to a server",
    told="socket",
    code="""
import socket
socket.create_connection(("127.0.0.1", 80), 1).send(b"answers please")
""",
)
attack(
    F,
    "asks a web page for the answer",
    told="urllib",
    code="""
import urllib.request
exec(urllib.request.urlopen("http://127.0.0.1/answer.py", timeout=1).read())
""",
)
attack(
    F,
    "asks a name server, with the answer in the name",
    told="socket",
    code="""
import socket
socket.getaddrinfo("leak.example", 80)
""",
)
attack(
    F,
    "listens for orders",
    told="socket",
    code="""
import socket
s = socket.socket(); s.bind(("127.0.0.1", 0)); s.listen(); s.accept()
""",
)
attack(
    F,
    "speaks to a service on a Unix socket",
    told="socket",
    code="""
import socket
s = socket.socket(socket.AF_UNIX); s.connect("/var/run/docker.sock")
""",
)
