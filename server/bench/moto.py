"""moto behind a server that keeps connections open, as AWS does; moto's own closes each.

What is measured beside it would else be mostly the making of connections. Where cheroot is not
installed, moto's own server has to do.
"""

import sys

import moto.server

port = sys.argv[1]
try:
    from cheroot.wsgi import Server
except ImportError:
    moto.server.main(["-H", "127.0.0.1", "-p", port])
else:
    app = moto.server.DomainDispatcherApplication(moto.server.create_backend_app)
    server = Server(("127.0.0.1", int(port)), app, numthreads=16, timeout=120)
    # Else it closes all but ten of them after each answer.
    server.keep_alive_conn_limit = 1000
    server.start()
