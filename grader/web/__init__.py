"""`grade serve`: the pages of results, overrides and comments in a browser, on the teacher's machine alone.

::

    places.py    which page of the results an address names, and which file that is
    hand.py      what a form asks for, done by the same functions as the command line's
    guard.py     who may ask: the token, the cookie, the host, where a form came from
    app.py       addresses and answers
    server.py    the port, and what is told of it

Nothing here runs, or imports, what anybody handed in.
"""
